"""Prints what a run showed: the invariants, the faults, the answers and how the jobs ended."""

import sys
from collections.abc import Mapping

from tests.story.chaos.callers import Book
from tests.story.chaos.faults import Storm
from tests.story.chaos.verdict import Verdict

_WRONGS_MAX = 20


def show(book: Book, storm: Storm, verdict: Verdict, stormy_seconds: float, whole_seconds: float) -> None:
    for found in verdict.findings:
        say(f"{found.invariant}  {found.verdict:<10}  {found.subjects:>6}  {found.promise}")
    say(f"accepted  {len(book.accepted)} jobs; storm {stormy_seconds:.0f} s, all final after {whole_seconds:.0f} s")
    say(f"batches   {sum(map(len, book.batches.values()))} of several jobs each, {verdict.opened} opened")
    say(f"faults    {sum(storm.struck.values())} struck: {_counted(storm.struck)}")
    if storm.missed:
        say(f"missed    {_counted(storm.missed)}")
    say(f"answers   {_counted(book.broken_answers) or 'none broken'}")
    say(f"put off   {_counted(book.put_off) or 'nobody'}; {len(book.gone)} asks about jobs that were gone")
    say(f"archive   {verdict.archived} of {verdict.outcomes.total()} jobs; ledger: {_counted(verdict.entries)}")
    say(f"outcomes  {_counted(verdict.outcomes)}")
    say(f"history   {_counted(verdict.events)}")
    for wrong in verdict.wrongs[:_WRONGS_MAX]:
        say(f"WRONG     {wrong}")
    say("Every promise was kept." if not verdict.wrongs else f"{len(verdict.wrongs)} promises were broken.")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _counted(many: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(many.items()))
