"""Runs jobs: claim one, bring its media, render it in a child, keep the video, finish; then the next."""

import time
import traceback
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from jobs import events, lifecycle, settings, storage
from jobs.errors import EngineError, JobError, LeaseLost, StorageError, Unavailable, WorkerUnfit
from jobs.lifecycle import Claim, Output
from jobs.rules import keys
from jobs.storage import Stored
from workers import checking, collecting, drain, fitness, keeping, media, scratch
from workers.engines.child import Child
from workers.engines.engine import Order, Rendering
from workers.intake.regular import Regular
from workers.keeping import Keeper
from workers.lease import Lease, Stopped, Verdict
from workers.name import NAME
from workers.stages import Stages

_STORING_PAUSE_SECONDS = 5.0
_NOT_THE_JOBS_FAULT = {WorkerUnfit.error_class, StorageError.error_class}


def work(engine: str) -> None:
    """Take jobs of `engine` and run them until there are none, or this process is to end, or cannot work."""
    while fitness.is_fit(engine) and not drain.has_begun():
        began_at = time.monotonic()
        try:
            claim = lifecycle.claim(NAME, engine)
        except Unavailable:
            return  # a chore rings again once Postgres is back
        if claim is None or not run(claim, began_at):
            return


def run(claim: Claim, began_at: float | None = None) -> bool:
    """Run one claimed job to whatever end it has; nothing it does counts once its lease is lost.

    False says that this machine could not work, so that it does not empty the queue into its own full disk.
    """
    with Stages(claim, began_at) as stages, Lease(claim, drain.must_hand_back) as lease:
        try:
            _attempt(claim, lease, stages)
        except Stopped as stopped:
            stages.outcome = stopped.verdict
            _obey(claim, stopped.verdict, lease)
        except LeaseLost:
            stages.outcome = "lost"
            events.emit("lease.lost", job=claim.job_id.hex, fence=claim.fence)
        except JobError as error:
            stages.fail(error.error_class)
            _stumble(claim, error, lease)
            if error.error_class == WorkerUnfit.error_class:
                fitness.doubt(claim.engine)
            return error.error_class not in _NOT_THE_JOBS_FAULT
        except OSError as error:
            stages.fail(WorkerUnfit.error_class)
            _stumble(claim, WorkerUnfit(f"the worker's machine could not go on: {error.strerror}"), lease)
            return False
        except Exception as error:  # noqa: BLE001 - the edge of one job: it must not take the worker's other jobs down
            stages.fail(JobError.error_class)
            events.emit("job.crashed", job=claim.job_id.hex, trace=traceback.format_exc())
            ours = f"an error of ours, {type(error).__name__}; it is in the worker's log"
            _stumble(claim, JobError(ours), lease)
    return True


def _attempt(claim: Claim, lease: Lease, stages: Stages) -> None:
    if claim.arrival is not None:
        with stages.timed("collect"):
            output = collecting.collect(claim, lease)
        took = stages.seconds
        lease.insist(lambda: lifecycle.finish(claim, output, inference_ms=claim.inference_ms, stages=took))
        return
    with scratch.folder() as folder:
        with stages.timed("intake"):
            found = media.bring(claim, folder, lease)
        if claim.engine == "cloud":
            stages.outcome = "prepared"
            lease.settle(lambda: lifecycle.prepared(claim, stages.seconds))
            return
        _render_and_keep(claim, _order(claim, folder, found), lease, stages)


def _render_and_keep(claim: Claim, order: Order, lease: Lease, stages: Stages) -> None:
    keeper = Keeper(claim, order.folder)
    order = replace(order, kept=keeper.bring(lease))
    with stages.timed("render"):
        rendering = _render(claim, order, keeper, lease)
    inference_ms = round(stages.seconds["render"] * 1000)
    with stages.timed("check"):
        found = checking.is_flagged(rendering.video, lease)
    with stages.timed("store"):
        output = replace(_keep(claim, rendering, lease), is_flagged=bool(found), is_checked=found is not None)
    warnings, took = rendering.warnings, stages.seconds
    finish = partial(lifecycle.finish, claim, output, warnings=warnings, inference_ms=inference_ms, stages=took)
    lease.insist(finish)
    keeping.forget(claim)


def _order(claim: Claim, folder: Path, found: Mapping[str, Regular]) -> Order:
    paths = {field: regular.path for field, regular in found.items()}
    return Order(
        model=claim.model.id,
        folder=folder,
        voices=tuple(paths[voice] for voice in claim.model.voices),
        picture=paths.get("image"),
        video=paths.get("video"),
        mask=paths.get("mask_image"),
        speaking_order=claim.inputs.get("order", "meanwhile"),
        resolution=claim.inputs.get("resolution", "480p"),
        prompt=claim.inputs["prompt"],
        seed=claim.seed,
        profile=claim.profile,
        knobs=claim.options,
        equipment=fitness.equipment(claim.engine),
    )


def _render(claim: Claim, order: Order, keeper: Keeper, lease: Lease) -> Rendering:
    """Render in a child that the lease may end at any moment. Raises EngineError, Stopped."""
    chosen = settings.load()
    limits = {"grace_seconds": chosen.grace_seconds, "silence_seconds": chosen.silence_seconds}
    with Child(claim.engine, order, **limits) as child:
        lease.on_stop(child.stop)
        try:
            return child.render(lease.report, keeper.keep)
        except EngineError:
            lease.check()  # a child we ended ourselves has not failed
            raise


def _keep(claim: Claim, rendering: Rendering, lease: Lease) -> Output:
    """Store the video under this holder's own key."""
    lease.report("storing", 1.0)
    stored = _store(rendering.video, keys.video(claim.account_id, claim.job_id, claim.fence), lease)
    return Output(
        key=stored.key,
        bytes=stored.bytes,
        sha256=stored.sha256,
        width=rendering.width,
        height=rendering.height,
        frames=rendering.frames,
        seconds=rendering.seconds,
    )


def _store(video: Path, key: str, lease: Lease) -> Stored:
    """Put the video into the bucket; while that is away only this is repeated, until the lease says stop."""
    while True:
        try:
            return storage.put(video, key, "video/mp4")
        except StorageError as error:
            events.emit("storing.failed", reason=str(error))
        lease.pause(_STORING_PAUSE_SECONDS)


def _obey(claim: Claim, verdict: Verdict, lease: Lease) -> None:
    """Carry out why the work was ended; the child is dead by now."""
    match verdict:
        case "cancelled":
            lease.settle(lambda: lifecycle.confirm_cancel(claim))
            keeping.forget(claim)
        case "draining":
            lease.settle(lambda: lifecycle.hand_back(claim))
        case "overdue":
            lease.settle(lambda: lifecycle.overrun(claim))
            keeping.forget(claim)
        case "lost":
            pass  # another holds it now; whatever we know is worth nothing


def _stumble(claim: Claim, error: JobError, lease: Lease) -> None:
    """Tell how the attempt ended; an end that we were told to make ourselves is not the attempt's fault."""
    if lease.verdict is not None:
        _obey(claim, lease.verdict, lease)
    elif claim.arrival is not None and error.error_class not in _NOT_THE_JOBS_FAULT:
        lease.settle(lambda: lifecycle.not_collected(claim, error))
    else:
        lease.settle(lambda: lifecycle.stumble(claim, error))
