"""What the upstream's word on a prediction means for its try; each is written down in a transaction of its own."""

import uuid
from contextlib import suppress
from http import HTTPStatus

from anyio.to_thread import run_sync

from jobs.errors import Unavailable
from jobs.lifecycle import arriving
from jobs.lifecycle.arriving import Video
from workers.engines.cloud import refusals
from workers.engines.cloud.client import Client
from workers.engines.cloud.errors import Refused, TaskFailed, UpstreamError
from workers.engines.cloud.replies import Prediction

COMPLETED = "completed"


async def ask(client: Client, try_id: uuid.UUID, upstream_key: str, upstream_id: str) -> None:
    """Ask how a prediction stands, and write it down if it has ended.

    What is not answered, or cannot be written down for the moment, is asked another time.
    """
    with suppress(UpstreamError, Unavailable):
        await _ask(client, try_id, upstream_key, upstream_id)


async def _ask(client: Client, try_id: uuid.UUID, upstream_key: str, upstream_id: str) -> None:
    try:
        prediction = await client.prediction(upstream_key, upstream_id)
    except Refused as refused:
        if refused.status == HTTPStatus.NOT_FOUND:
            await run_sync(arriving.failed, try_id, _gone())
    else:
        await judge(try_id, prediction)


async def judge(try_id: uuid.UUID, prediction: Prediction) -> None:
    """Write down how a prediction ended, if it has. One that is complete without a video has failed."""
    if not prediction.is_final:
        return
    if prediction.status == COMPLETED and prediction.outputs:
        video = Video(prediction.outputs[0], any(prediction.flagged), prediction.inference_ms)
        await run_sync(arriving.completed, try_id, video)
    else:
        await run_sync(arriving.failed, try_id, refusals.why_failed(prediction))


def _gone() -> TaskFailed:
    sentence = "WaveSpeed no longer knows the job"
    return TaskFailed(sentence, task_code=0, error_class="provider_failed", permanent=False)
