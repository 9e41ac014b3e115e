"""Prints what a run showed: promises, faults, ends, and the upstream's bill beside ours."""

import sys
from collections.abc import Mapping

from tests.fakes.wavespeed import Fake
from tests.story.chaos.callers import Book
from tests.story.cloud.bill import Comparison
from tests.story.cloud.storm import Storm
from tests.story.cloud.verdict import Verdict

_WRONGS_MAX = 30


def show(fake: Fake, book: Book, storm: Storm, verdict: Verdict, took_seconds: tuple[float, float]) -> None:
    """`took_seconds` is how long the storm took, and until all was final."""
    struck = {name: told["struck"] for name, told in fake.http.get("/fake/faults").json().items()}
    for found in verdict.findings:
        say(f"{found.invariant:<3}  {found.verdict:<10}  {found.subjects:>6}  {found.promise}")
    say(f"accepted  {len(book.accepted)} jobs; storm {took_seconds[0]:.0f} s, all final after {took_seconds[1]:.0f} s")
    say(f"faults    {sum(struck.values())} struck: {_counted(struck)}")
    say(f"kills     {storm.kills.total()}: {_counted(storm.kills)}")
    say(f"answers   {_counted(book.broken_answers) or 'none broken'}; put off {_counted(book.put_off) or 'nobody'}")
    say(f"outcomes  {_counted(verdict.outcomes)}")
    say(f"tries     {verdict.tries.total()}: {_counted(verdict.tries)}")
    say(f"history   {_counted(verdict.events)}")
    _show_bill(verdict.bill)
    for wrong in verdict.wrongs[:_WRONGS_MAX]:
        say(f"WRONG     {wrong}")
    say("Every promise was kept." if not verdict.wrongs else f"{len(verdict.wrongs)} promises were broken.")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _show_bill(compared: Comparison) -> None:
    say("bill      key      taken  paid   its bill USD     our tries USD   unproven USD")
    for line in compared.lines:
        figures = f"{line.bill_usd:>13.2f}  {line.ours_usd:>16.2f}  {line.unproven_usd:>13.2f}"
        say(f"          {line.key:<7}  {line.taken:>5}  {line.paid:>4}  {figures}")
    for line in compared.lines:
        if line.unproven:
            say(f"          unproven through {line.key}: {', '.join(line.unproven)}")
    again = f"{compared.paid_again.total()} paid again: {_counted(compared.paid_again) or 'none'}"
    say(f"          {'even' if compared.is_even else 'NOT EVEN'}; {again}")


def _counted(many: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(many.items()) if count)
