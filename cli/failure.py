"""Why a command of the desk cannot go on."""

from jobs.errors import DuologueError


class Failure(DuologueError):  # noqa: N818 - the desk prints its sentence and leaves with status 1
    """A whole sentence for whoever typed the command, with what to do."""
