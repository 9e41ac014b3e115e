"""Reads the environment, once, and says in sentences what of it cannot work."""

import os
import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from jobs.errors import WrongSetting
from jobs.settings.names import FILE_SUFFIX, PREFIX, READ_BY_OTHERS
from jobs.settings.whole import Settings

_SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO))?$")


@cache
def load() -> Settings:
    """Read the environment, once per process. Raises WrongSetting naming every variable that cannot work."""
    wrong = list(_strangers())
    try:
        chosen = Settings.model_validate(_secrets_from_files())
    except ValidationError as error:
        raise WrongSetting("\n".join(wrong + _sentences(error))) from None
    if wrong:
        raise WrongSetting("\n".join(wrong))
    return chosen


def _strangers() -> Iterator[str]:
    """A sentence for each variable of ours that nobody reads: a slip of the pen must not pass for a setting."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    known |= {variable + FILE_SUFFIX for variable in known} | READ_BY_OTHERS
    for variable, value in os.environ.items():
        if variable.startswith(PREFIX) and variable not in known and not _is_service_link(variable, value):
            names = sorted(name.removeprefix(PREFIX) for name in known)
            near = get_close_matches(variable.removeprefix(PREFIX), names, n=1)
            advice = f"did you mean {PREFIX}{near[0]}?" if near else "docs/settings.md lists them all."
            yield f"{variable}: there is no such setting; {advice}"


def _is_service_link(variable: str, value: str) -> bool:
    """Kubernetes tells every container of every service beside it: one that is called duologue-x is no setting."""
    return bool(_SERVICE_LINK.search(variable)) or (variable.endswith("_PORT") and "://" in value)


def _secrets_from_files() -> dict[str, str]:
    """Read `DUOLOGUE_X_FILE` into `x`, as container platforms hand over secrets. `DUOLOGUE_X` may not differ."""
    found = {}
    for variable, path in os.environ.items():
        name = variable.removeprefix(PREFIX).removesuffix(FILE_SUFFIX).lower()
        is_ours = variable.startswith(PREFIX) and variable.endswith(FILE_SUFFIX) and name in Settings.model_fields
        if is_ours and path:
            try:
                found[name] = Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise WrongSetting(f"{variable} names {path}, which cannot be read: {error.strerror}.") from None
            beside = variable.removesuffix(FILE_SUFFIX)
            if os.environ.get(beside, "").strip() not in ("", found[name]):
                raise WrongSetting(
                    f"{beside} and the file {path} that {variable} names say different things; write the value into "
                    "the file, or take one of the two away."
                )
    return found


def _sentences(error: ValidationError) -> list[str]:
    """One line a problem; what several settings do wrong together names them itself."""
    lines = []
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        variable = f"{PREFIX}{problem['loc'][0]}: ".upper() if problem["loc"] else ""
        sentence = f"{variable}{problem['msg'].removeprefix('Value error, ')}."
        lines.append(sentence[0].upper() + sentence[1:])
    return lines
