"""Reads the lines of a batch, judges each as a single order would be judged, and writes down what each would become.

No transaction is open meanwhile, and nothing but the names of the lines is kept in memory.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from sqlalchemy import func, select

from jobs import storage, webhooks
from jobs.accounts import Caller
from jobs.batches import retrying, rows
from jobs.batches.sheet import Sheet
from jobs.database import transaction
from jobs.errors import CallerError, InvalidInput, MediaError, Unavailable, WrongInput
from jobs.rules import batch_lines, durations
from jobs.rules.batch_lines import JobOptions, Line
from jobs.rules.batches import LINE_MAX_BYTES, LINES_MAX, NUMBERS_MAX
from jobs.rules.catalog import MODELS, Model
from jobs.submission.again import draft_again
from jobs.submission.wishes import Draft, Order, Wish, draft
from jobs.tables import Batch, Job, Upload

Report = Callable[[int], None]
"""Told how many lines are read, now and then."""

Measure = Callable[[Model, Mapping[str, object]], Mapping[str, float]]
"""Seconds of each voice of a form. Raises MediaError for one that cannot be used, StorageError, LeaseLost."""

_STEP = 500
_WRONG_BEGINNINGS = {
    b"\xff\xfe": "The file is in UTF-16; write it in UTF-8.",
    b"\xfe\xff": "The file is in UTF-16; write it in UTF-8.",
    b"\x1f\x8b": "The file is compressed; send it as it is.",
    b"PK": "The file is compressed, or a spreadsheet; write JSON lines.",
}


def read_file(
    batch: Batch, caller: Caller, path: Path, folder: Path, report: Report, *, measure: Measure | None = None
) -> Sheet:
    """What the lines of a file come to; `folder` is scratch. Raises WrongInput when it is no file of lines at all.

    With `measure`, voices whose length is not declared are measured.
    """
    with ExitStack() as files:
        reader = _Reader(batch, caller, Sheet(folder), files, measure)
        for number, text in _lines(files.enter_context(path.open("rb"))):
            if text.strip():
                _check_count(reader.sheet.lines)
                reader.read(number, text)
            if number % _STEP == 0:
                report(reader.sheet.lines)
        return reader.sheet


def read_failed(batch: Batch, caller: Caller, folder: Path, report: Report) -> Sheet:
    """What ordering the failed jobs of `batch.retry_of` once more comes to."""
    with ExitStack() as files:
        reader = _Reader(batch, caller, Sheet(folder), files)
        after_line = 0
        while after_line := _repeat(reader, after_line):
            report(reader.sheet.lines)
        return reader.sheet


def check_there(input_key: str) -> None:
    """Raises WrongInput when the file is not in the bucket, or not all of it; StorageError when the bucket is away."""
    with transaction() as session:
        declared = session.scalars(select(Upload.size_bytes).where(Upload.object_key == input_key)).one_or_none()
    stored = storage.size(input_key)
    if declared is None or stored is None:
        raise WrongInput("The file is not in the bucket; upload it first, and send the batch then.", field="input_file")
    if stored != declared:
        raise WrongInput(f"Of the file's {declared} bytes {stored} are there; upload it again.", field="input_file")


def check_in_time(batch: Batch, moment: datetime) -> None:
    """Raises WrongInput when it is too late for its jobs to begin."""
    if batch.expires_at is not None and batch.expires_at < moment + timedelta(seconds=1):
        sentence = "The batch's deadline passed before its lines were read; give it more time."
        raise WrongInput(sentence, field="deadline_seconds")


class _Reader:
    """Goes from line to line and writes three files: jobs, what came inside their lines, and bad lines."""

    def __init__(
        self, batch: Batch, caller: Caller, sheet: Sheet, files: ExitStack, measure: Measure | None = None
    ) -> None:
        self._measure = measure
        self.batch, self.caller, self.sheet = batch, caller, sheet
        self._read_at = _now()
        check_in_time(batch, self._read_at)
        self._jobs, self._attachments, self._problems = (
            files.enter_context(path.open("w", encoding="utf-8")) for path in sheet.paths
        )
        self._named: dict[str, int] = {}
        self._shape: tuple[str, int] | None = None

    def read(self, number: int, text: bytes) -> None:
        """Take one line, or write down why it cannot be taken."""
        try:
            line = batch_lines.read(text, self.batch.options)
            self._check_beside_others(line, number)
            webhooks.checked_url(line.options.webhook or None, "options.webhook")
            wish = _wish(line)
            taken = draft(Order(self.caller, wish))
            if self._measure is not None and wish.voice_seconds is None:
                wish = replace(wish, voice_seconds=_measured(self._measure, wish))
                taken = draft(Order(self.caller, wish))
        except Unavailable:
            raise  # the line is not at fault
        except CallerError as error:
            self.refuse(number, _name_in(text), error)
        else:
            self.take(number, line.custom_id, taken, wish.voice_seconds)

    def take(self, number: int, custom_id: str, taken: Draft, declared_seconds: float | None) -> None:
        self._jobs.write(rows.of_job(taken, self._read_at, self.batch.id, number, custom_id))
        if taken.attachments:
            self._attachments.write(rows.of_attachments(taken))
        self.sheet.count(taken, declared_seconds)

    def refuse(self, number: int, custom_id: str | None, error: CallerError) -> None:
        problem = {
            "line": number,
            "custom_id": custom_id,
            "code": error.code,
            "field": error.field,
            "message": str(error),
        }
        self._problems.write(json.dumps(problem, ensure_ascii=False) + "\n")
        self.sheet.count_bad(problem)

    def _check_beside_others(self, line: Line, number: int) -> None:
        """Raises WrongInput when the line repeats another's name, or has another shape than the first."""
        first = self._named.setdefault(line.custom_id, number)
        if first != number:
            raise WrongInput(f"custom_id {line.custom_id} is that of line {first} already.", field="custom_id")
        shape, where = self._shape = self._shape or (line.shape, number)
        if shape != line.shape:
            raise InvalidInput(f"The line has {line.shape} shape, and line {where} {shape}; a file keeps to one.")


def _now() -> datetime:
    with transaction() as session:
        moment: datetime = session.execute(select(func.now())).scalar_one()
    return moment


def _lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Each line with its number in the file; one too long is cut off."""
    for number, line in enumerate(_cut(file), 1):
        text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if number == 1:
            _check_beginning(text)
        if number > NUMBERS_MAX:
            raise WrongInput(f"The file has more than {NUMBERS_MAX:,} lines; leave out blank ones.", field="input_file")
        yield number, text


def _check_count(before: int) -> None:
    if before == LINES_MAX:
        raise WrongInput(f"The file has more than {LINES_MAX:,} lines; send it in parts.", field="input_file")


def _cut(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(LINE_MAX_BYTES + 2):
        piece = line
        while not piece.endswith(b"\n") and (piece := file.readline(2**16)):
            pass
        yield line.rstrip(b"\r\n")


def _check_beginning(text: bytes) -> None:
    for beginning, sentence in _WRONG_BEGINNINGS.items():
        if text.startswith(beginning):
            raise WrongInput(sentence, field="input_file")


def _name_in(text: bytes) -> str | None:
    """What a bad line calls itself, if that much of it can be read."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    name = found.get("custom_id") if isinstance(found, dict) else None
    return name[: batch_lines.CUSTOM_ID_MAX_LETTERS] if isinstance(name, str) and name.isprintable() else None


def _wish(line: Line) -> Wish:
    options = line.options
    return Wish(
        model=line.model,
        inputs=line.inputs,
        engine=options.engine,
        priority=options.priority,
        tags=tuple(options.tags),
        metadata=options.metadata,
        webhook_url=options.webhook or None,
        voice_seconds=options.declared_seconds,
        knobs=options.knobs or {},
        **_spans(options),
    )


def _measured(measure: Measure, wish: Wish) -> float:
    """How long each voice would be if all were as long, the video as long as it will be. Raises WrongInput."""
    order = str(wish.inputs.get("order", "meanwhile"))
    try:
        tracks = measure(MODELS[wish.model], wish.inputs)
        durations.refuse_too_long(order, tracks)
    except MediaError as error:
        raise WrongInput(f"{error}.", field=f"inputs.{error.field}") from None
    seconds = durations.output_seconds(order, tracks) / (1 if order == "meanwhile" else len(tracks))
    return min(seconds, durations.OUTPUT_MAX_SECONDS)  # what a codec adds is taken, and cannot be declared


def _spans(options: JobOptions) -> Mapping[str, Any]:
    return {} if options.deadlines is None else vars(options.deadlines)


def _repeat(reader: _Reader, after_line: int) -> int:
    """Take the next failed jobs once more; the last one's line, 0 when there is none left."""
    failed = retrying.failed(reader.batch.retry_of).where(Job.batch_line > after_line).limit(_STEP)
    with transaction() as session:
        found = session.scalars(failed).all()
        for old in found:
            number, custom_id = old.batch_line or 0, old.custom_id or old.id.hex
            try:
                taken = draft_again(session, reader.caller, old)
            except Unavailable:
                raise  # the job is not at fault
            except CallerError as error:
                reader.refuse(number, custom_id, error)
            else:
                reader.take(number, custom_id, taken, None)
    return found[-1].batch_line or 0 if found else 0
