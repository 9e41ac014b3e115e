"""`duologue fake-wavespeed`: a WaveSpeed of your own in the foreground, until Ctrl-C."""

from decimal import Decimal
from typing import Annotated

import typer

from cli.fake_wavespeed import serving
from cli.fake_wavespeed.faults import SWITCHES
from cli.fake_wavespeed.plan import DEFAULT_KEY, Plan, read_faults, read_keys
from cli.screen import out

_FAULTS = f"Faults by name and rate, as in webhook_lost=0.1,never_ends=0.01; all=0.05 is all of {', '.join(SWITCHES)}."


def fake_wavespeed(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any free one.")] = 8100,
    public_url: Annotated[str, typer.Option(help="Base of its links, where callers reach it by another name.")] = "",
    keys: Annotated[str, typer.Option(help="KEY=TIER,...: bronze, silver, gold or ultra.")] = f"{DEFAULT_KEY}=ultra",
    credit: Annotated[float, typer.Option(min=0, help="Dollars each key has to spend.")] = 1000.0,
    seed: Annotated[int, typer.Option(help="Decides which requests meet which faults.")] = 1,
    faults: Annotated[str, typer.Option(help=_FAULTS)] = "",
    latency: Annotated[float, typer.Option(min=0, help="Seconds before each answer.")] = 0.0,
    speed: Annotated[float, typer.Option(min=0.001, help="Seconds of video made in a second.")] = 1.0,
    fetch: Annotated[
        bool,
        typer.Option("--fetch/--no-fetch", help="Download the inputs and measure the voices, or take 5 s for all."),
    ] = True,
    video_bytes: Annotated[int, typer.Option(min=0, help="Length of every output; 0 is as small as it gets.")] = 0,
    list_lag: Annotated[float, typer.Option(min=0, help="Seconds until a job comes into the list.")] = 0.0,
    list_inputs: Annotated[
        bool, typer.Option("--list-inputs/--no-list-inputs", help="Show in the list, when asked, what jobs were given.")
    ] = True,
    clock_ahead: Annotated[float, typer.Option(help="How many seconds its clock is ahead; negative is behind.")] = 0.0,
    late: Annotated[float, typer.Option(min=0, help="How late, in seconds, what is late comes.")] = 5.0,
) -> None:
    """Stand in for WaveSpeed, for tests: its API on a port of this machine, no GPU, no cost. Ctrl-C stops it."""
    plan = Plan(
        seed=seed,
        keys=read_keys(keys),
        credit_usd=Decimal(str(credit)),
        faults=read_faults(faults),
        latency_seconds=latency,
        speed=speed,
        fetches=fetch,
        video_bytes=video_bytes,
        list_lag_seconds=list_lag,
        shows_inputs=list_inputs,
        late_seconds=late,
        clock_ahead_seconds=clock_ahead,
    )
    with serving.listen(host, port) as listener:
        url = public_url.rstrip("/") or serving.base_url(listener)
        out.print(f"A stand-in for WaveSpeed at {url}", soft_wrap=True)
        out.print(f"  its bill    {url}/fake/bill", soft_wrap=True)
        out.print(f"  its jobs    {url}/fake/jobs", soft_wrap=True)
        out.print(f"  its faults  {url}/fake/faults", soft_wrap=True)
        serving.serve(plan, listener, url)
