"""Looks at a folder of weights, or writes a tiny one: `python -m workers.infinitetalk.weights check|tiny DIR`."""

import sys
from pathlib import Path

from workers.infinitetalk.weights import check, tiny
from workers.infinitetalk.weights.check import Finding, Report


def main() -> int:
    """Exit status 0 if at least one variant is whole, or was written."""
    verb, folder = sys.argv[1], Path(sys.argv[2])
    if verb == "tiny":
        tiny.write(folder)
        _say(f"{folder}: tiny random weights in the original's layout. What they show is noise.")
        return 0
    reports = check.examine(folder)
    for variant, report in reports.items():
        _tell(variant, report)
    return 0 if any(report.is_good for report in reports.values()) else 1


def _tell(variant: str, report: Report) -> None:
    _say(f"{variant}: {'ok' if report.is_good else 'not usable'}")
    for finding in report.findings:
        _say(f"  {_line(finding)}")
        for problem in finding.problems:
            _say(f"    {problem}")


def _line(finding: Finding) -> str:
    if not finding.files:
        return finding.part
    return f"{finding.part}: {finding.tensors} tensors, {finding.parameters:,} parameters in {len(finding.files)} files"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
