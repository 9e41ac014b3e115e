"""Ends with 0 while chores are done, by this container's timetable or another's; asks Postgres, never the timetable.

While Postgres is away nobody can tell, and a restart would help nobody: then it ends with 0 too.
"""  # noqa: INP001 - a script of the image, imported by nobody

import sys

from jobs import timetable
from jobs.errors import Unavailable

try:
    is_kept = timetable.is_kept()
except Unavailable:
    sys.exit(0)
if not is_kept:
    sys.exit("no chore came to its end lately")
