"""Shows a job's form as it was given, without what would open a file to whoever reads along."""

from typing import Any, Protocol
from urllib.parse import urlsplit

from jobs import storage
from jobs.rules import inputs
from jobs.rules.catalog import MODELS

_INLINE = "sent inside the request"


class Given(Protocol):
    """What of a job its form is."""

    @property
    def model(self) -> str: ...
    @property
    def inputs(self) -> dict[str, Any]: ...


def shown(job: Given) -> dict[str, Any]:
    """The clean form; a signature is a key to the file, and a job is shown to more eyes than the file."""
    model = MODELS.get(job.model)  # a newer version of ours may know one more
    media = job.inputs.keys() if model is None else model.media
    return {
        name: _medium(value) if name in media and isinstance(value, str) else value
        for name, value in job.inputs.items()
    }


def _medium(value: str) -> str:
    if value.startswith(inputs.ATTACHMENT):
        return _INLINE
    if "?" not in value and "#" not in value:
        return value  # without either there is nothing to take away, and most links have neither
    return urlsplit(value)._replace(query="", fragment="").geturl() if storage.own_key(value) else value
