"""Starts our own WaveSpeed for a test, and asks it what only a test may know."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from cli.fake_wavespeed import serving
from cli.fake_wavespeed.plan import DEFAULT_KEY, Plan

PATIENCE_SECONDS = 30.0
SOLO = "wavespeed-ai/infinitetalk"
MULTI = "wavespeed-ai/infinitetalk/multi"

QUICK: dict[str, Any] = {"fetches": False, "speed": 1000.0, "late_seconds": 0.4}
"""A plan's choices for tests that are not about media or about time."""


@dataclass(frozen=True)
class Fake:
    """A running fake and the backstage door to it."""

    url: str
    http: httpx.Client

    def call(self, method: str, path: str, json: object = None, key: str = DEFAULT_KEY) -> httpx.Response:
        return self.http.request(method, f"/api/v3{path}", json=json, headers={"Authorization": f"Bearer {key}"})

    def submit(self, model: str = SOLO, query: str = "", key: str = DEFAULT_KEY, **inputs: object) -> dict[str, Any]:
        given = {"image": "https://example.com/a.png", "audio": "https://example.com/a.wav"} | inputs
        answer = self.call("POST", f"/{model}{query}", given, key)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["data"]
        return found

    def result(self, prediction_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/predictions/{prediction_id}/result").json()["data"]
        return found

    def ended(self, prediction_id: str) -> dict[str, Any]:
        """The prediction once it is final."""
        found: dict[str, Any] = wait_for(lambda: job if (job := self.job(prediction_id))["status"] in ENDS else None)
        return found

    def job(self, prediction_id: str) -> dict[str, Any]:
        return next(job for job in self.jobs() if job["id"] == prediction_id)

    def jobs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.http.get("/fake/jobs").json()
        return found

    def bill(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get("/fake/bill").json()
        return found

    def calls(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = self.http.get("/fake/calls").json()
        return found

    def set_faults(self, **rates: float) -> None:
        assert self.http.put("/fake/faults", json=rates).status_code == 200

    def finish(self, prediction_id: str, **how: object) -> None:
        assert self.http.post(f"/fake/jobs/{prediction_id}/finish", json=how).status_code == 200

    def finish_all(self, *prediction_ids: str) -> None:
        assert self.http.post("/fake/jobs/finish", json={"ids": prediction_ids}).status_code == 200


ENDS = {"completed", "failed", "cancelled", "timeout", "deleted"}


@contextmanager
def wavespeed(**choices: Any) -> Iterator[Fake]:  # noqa: ANN401 - a plan's choices are of many kinds
    """A fake that behaves by `choices` of its plan."""
    with serving.running(Plan(**choices)) as url, httpx.Client(base_url=url, timeout=30, trust_env=False) as http:
        yield Fake(url, http)


def wait_for(look: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the look finds
    """What `look` finds once it finds something."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        if found := look():
            return found
        time.sleep(0.01)
    raise AssertionError("it did not come")
