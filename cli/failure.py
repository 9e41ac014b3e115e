"""Why a command of the desk cannot go on."""

from jobs.errors import DuologueError


class Failure(DuologueError):
    """A whole sentence for whoever typed the command, with what to do."""
