"""Makes of a table or a file of lines here the file that a batch is read from; their media are uploaded first."""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cli import media, progress
from cli.client import Api
from cli.failure import Failure
from cli.screen import err, say
from jobs.rules import batch_csv

PARALLEL = 4

_SHOWN = 20
_SHOWN_LETTERS = 200
_MEDIUM = re.compile(r"[A-Za-z0-9+/_\-\s]{100,}={0,2}")
"""Base64 of what may be a picture or a voice; none is shorter, and what is shorter is a name."""

Line = dict[str, Any]


def prepare(api: Api, source: Path, draft: Path, model: str | None, *, take_good: bool) -> None:
    """Write the lines of `source`, a CSV or JSON lines, into `draft`.

    Media that are files here are uploaded, each once. What is wrong with a line is for whoever reads the batch to say,
    with its number; here only files are looked for. Raises Failure before anything is uploaded where one is not there,
    unless a bad line stops only itself.
    """
    _tell_missing(source, model, take_good=take_good)
    links = _uploaded(api, files(source, model))
    with draft.open("w", encoding="utf-8") as file:
        for line in _lines(source, model):
            text = line if isinstance(line, str) else json.dumps(_linked(line, source, links), ensure_ascii=False)
            file.write(text + "\n")


def files(source: Path, model: str | None) -> list[Path]:
    """The files here that its lines name, each once. Raises Failure."""
    return sorted({place for line in _lines(source, model) for place in _files(line, source)})


def _lines(source: Path, model: str | None) -> Iterator[Line | str]:
    return _of_table(source, model) if source.suffix.lower() == ".csv" else _of_lines(source, model)


def _of_table(source: Path, model: str | None) -> Iterator[Line | str]:
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, strict=True)
            batch_csv.check_columns(table.fieldnames or [])
            for number, row in enumerate(table, 1):
                yield batch_csv.line(row, number, model)
    except UnicodeDecodeError:
        raise Failure(f"{source} is not in UTF-8; save it as such.") from None
    except csv.Error as error:
        raise Failure(f"{source} is no CSV: {error}.") from None


def _of_lines(source: Path, model: str | None) -> Iterator[Line | str]:
    """What cannot be read is passed on as it is."""
    with source.open(encoding="utf-8", errors="surrogateescape") as file:
        for text in file:
            line = _parsed(text)
            if line is None:
                yield text.rstrip("\r\n").encode(errors="surrogateescape").decode(errors="replace")
            else:
                yield {"model": model, **line} if model else line


def _parsed(text: str) -> Line | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("inputs"), dict) else None


def _files(line: Line | str, source: Path) -> Iterator[Path]:
    """The files here that a line names."""
    if isinstance(line, dict):
        for field in batch_csv.MEDIA:
            if (path := _path(line["inputs"].get(field), source)) is not None:
                yield path


def _tell_missing(source: Path, model: str | None, *, take_good: bool) -> None:
    missing = [
        f"line {number}: {field}: there is no file {line['inputs'][field][:_SHOWN_LETTERS]} beside {source.name}."
        for number, line in enumerate(_lines(source, model), 1)
        if isinstance(line, dict)
        for field in batch_csv.MEDIA
        if _is_missing(line["inputs"].get(field), source)
    ]
    if missing and not take_good:
        more = f" {len(missing) - 1} more are missing." if missing[1:] else ""
        raise Failure(f"{missing[0]}{more} Nothing was sent; with --take-good the other lines are.")
    for sentence in missing[:_SHOWN]:
        say(sentence)


def _is_missing(value: object, source: Path) -> bool:
    """Whether it can only be a file's name, and there is none."""
    if not isinstance(value, str) or not (text := value.strip()) or "://" in text or text.lower().startswith("data:"):
        return False
    return _MEDIUM.fullmatch(text) is None and _path(value, source) is None


def _path(value: object, source: Path) -> Path | None:
    """Where a medium lies here, beside the table; None for links and for everything that names no file."""
    if not isinstance(value, str) or not value or value.lower().startswith(("http://", "https://", "data:")):
        return None
    try:
        path = source.parent / Path(value).expanduser()
        return path.resolve() if path.is_file() else None
    except (OSError, RuntimeError):  # base64 is no name of a file, and nobody need have a home here
        return None


def _uploaded(api: Api, paths: list[Path]) -> Mapping[Path, str]:
    links: dict[Path, str] = {}
    with ThreadPoolExecutor(PARALLEL) as pool, progress.shown(err, "uploading") as report:
        for path, link in zip(
            paths, pool.map(lambda path: media.link_to(api, path.name, str(path)), paths), strict=True
        ):
            links[path] = link
            report("uploading", len(links) / len(paths))
    return links


def _linked(line: Line, source: Path, links: Mapping[Path, str]) -> Line:
    inputs = line["inputs"]
    found = {field: links[path] for field in batch_csv.MEDIA if (path := _path(inputs.get(field), source))}
    # As it stands, a name such as `left` would be taken for base64, and ordered.
    lost = {field: f"./{inputs[field]}" for field in batch_csv.MEDIA if _is_missing(inputs.get(field), source)}
    return line | {"inputs": inputs | found | lost}
