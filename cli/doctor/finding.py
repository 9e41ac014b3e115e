"""What a check has to say: fine, worrying or broken, and then what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's: `advice` is empty only where all is well."""

    check: str
    verdict: Verdict
    says: str
    advice: str = ""


def ok(check: str, says: str) -> Finding:
    return Finding(check, Verdict.OK, says)


def warning(check: str, says: str, advice: str) -> Finding:
    return Finding(check, Verdict.WARNING, says, advice)


def failure(check: str, says: str, advice: str) -> Finding:
    return Finding(check, Verdict.FAILURE, says, advice)
