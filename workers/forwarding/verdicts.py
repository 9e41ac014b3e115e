"""What the upstream says has become of tries: asked of it or read in its list, and written down many at a time."""

import time
import uuid
from contextlib import suppress
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING

from anyio.to_thread import run_sync

from jobs import settings
from jobs.lifecycle import arriving
from jobs.lifecycle.arriving import Video
from workers.engines.cloud import refusals
from workers.engines.cloud.client import Client
from workers.engines.cloud.errors import Refused, TaskFailed, UpstreamError
from workers.engines.cloud.replies import COMPLETED, Prediction

if TYPE_CHECKING:
    from jobs.errors import JobError

_TOGETHER = 100
_REMEMBERED_SECONDS = 3600.0
"""Another forwarder may have been told better since."""


class Verdicts:
    """How tries ended, as the upstream says, until it is written down; what is lost here is asked again."""

    def __init__(self) -> None:
        self._videos: dict[uuid.UUID, Video] = {}
        self._errors: dict[uuid.UUID, JobError] = {}
        self._unknown_since: dict[uuid.UUID, float] = {}

    async def ask(self, client: Client, try_id: uuid.UUID, upstream_key: str, upstream_id: str) -> None:
        """Ask how a prediction stands, and hear it. What is not answered is asked another time."""
        with suppress(UpstreamError):
            await self._ask(client, try_id, upstream_key, upstream_id)

    def hear(self, try_id: uuid.UUID, prediction: Prediction) -> None:
        """Take in how a prediction ended, if it has. One that is complete without a video has failed."""
        self._unknown_since.pop(try_id, None)
        if not prediction.is_final:
            return
        if prediction.status == COMPLETED and prediction.outputs:
            video = Video(prediction.outputs[0], any(prediction.flagged), prediction.inference_ms)
            self._videos[try_id] = video
        else:
            self._errors[try_id] = refusals.why_failed(prediction)

    async def write_down(self) -> bool:
        """Write down some of what was heard; whether there is more. Raises Unavailable, and then nothing is lost."""
        if videos := dict(islice(self._videos.items(), _TOGETHER)):
            await run_sync(arriving.completed, videos)
            for try_id in videos:
                del self._videos[try_id]
        for try_id, error in list(self._errors.items()):
            await run_sync(arriving.failed, try_id, error)
            del self._errors[try_id]
        return bool(self._videos or self._errors)

    async def _ask(self, client: Client, try_id: uuid.UUID, upstream_key: str, upstream_id: str) -> None:
        try:
            prediction = await client.prediction(upstream_key, upstream_id)
        except Refused as refused:
            if refused.status == HTTPStatus.NOT_FOUND and self._is_unknown_for_long(try_id):
                self._errors[try_id] = _gone()
        else:
            self.hear(try_id, prediction)

    def _is_unknown_for_long(self, try_id: uuid.UUID) -> bool:
        """Whether the upstream has said twice, with time between, that it has none of that name."""
        now = time.monotonic()
        self._unknown_since = {one: at for one, at in self._unknown_since.items() if now - at < _REMEMBERED_SECONDS}
        since = self._unknown_since.setdefault(try_id, now)
        if now - since <= settings.load().wavespeed_list_lag_seconds:
            return False
        del self._unknown_since[try_id]
        return True


def _gone() -> TaskFailed:
    sentence = "WaveSpeed no longer knows the job"
    return TaskFailed(sentence, task_code=0, error_class="provider_failed", permanent=False)
