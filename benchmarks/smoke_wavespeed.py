"""`make smoke-wavespeed`: one paid job, the cheapest there is, through all of this and the real WaveSpeed.

It names the price and asks before it spends anything. Nothing else runs it.
"""

import os
import sys
import tempfile
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cli import borrowed, demo_media, door, film, waiting
from cli.client import Api
from cli.screen import say
from jobs import settings, upstream
from workers.engines.cloud.client import Client

MODEL = "wavespeed-ai/infinitetalk-fast"


def main() -> int:
    os.environ["DUOLOGUE_ENGINES"] = "cloud"
    chosen = settings.load()
    price_usd = anyio.run(_price_usd)
    say(f"One job of {MODEL} at {chosen.wavespeed_url} costs about {price_usd} USD (5 s of video).")
    if input("Spend it? Type yes: ").strip() != "yes":
        say("Nothing was sent.")
        return 1
    with tempfile.TemporaryDirectory(prefix="duologue-smoke-") as folder, borrowed.running_up(Path(folder) / "data"):
        with door.find(Path(folder) / "data") as api:
            job = waiting.follow(api, api.submit(_order(api, Path(folder))))
            video = Path(folder) / "smoke.mp4"
            api.save(waiting.link_to_video(job), video)
        say(f"It works: {film.measure(video)}")
    return 0


async def _price_usd() -> str:
    keys = upstream.configured()
    async with Client(settings.load().wavespeed_url, keys) as client:
        return str(await client.price_usd(keys[0].name, MODEL, {}))


def _order(api: Api, folder: Path) -> dict[str, object]:
    picture, voice = folder / "people.png", folder / "voice.flac"
    picture.write_bytes(demo_media.picture())
    voice.write_bytes(demo_media.voices()[0])
    return {"model": MODEL, "inputs": {"image": api.upload(picture), "audio": api.upload(voice)}}


if __name__ == "__main__":
    sys.exit(main())
