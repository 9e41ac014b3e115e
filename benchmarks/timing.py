"""What it costs a request to be timed: one empty application with and without it, in turns, by processor time."""

import asyncio
import sys
from pathlib import Path
from statistics import median
from time import process_time

sys.path.insert(0, str(Path(__file__).parents[1]))

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.tallies import Tallies
from api.timing import Clock, Timed

ROUNDS, EACH = 15, 20_000
SCOPE: Scope = {"type": "http", "method": "GET", "path": "/api/v3/predictions/x/result"}


async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def receive() -> Message:
    return {"type": "http.request"}


async def send(_message: Message) -> None:
    return


async def microseconds(app: ASGIApp) -> float:
    began_at = process_time()
    for _ in range(EACH):
        await app(SCOPE, receive, send)
    return (process_time() - began_at) / EACH * 1e6


async def main() -> None:
    clock = Clock()
    clock.tallies = Tallies()
    timed = Timed(answer, clock, lambda _: "GET /api/v3/predictions/{prediction_id}/result")
    bare, with_it = [], []
    for _ in range(ROUNDS):
        bare.append(await microseconds(answer))
        with_it.append(await microseconds(timed))
    cost = [after - before for before, after in zip(bare, with_it, strict=True)]
    print(f"an empty answer {median(bare):.2f} us, timed {median(with_it):.2f} us")
    print(f"the timing costs {median(cost):.2f} us a request ({min(cost):.2f} to {max(cost):.2f})")


asyncio.run(main())
