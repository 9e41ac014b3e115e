"""What must lie ready in the servers before anybody may come in: the current schema, and the bucket."""

from jobs import schema, storage


def lay() -> None:
    """Run the migrations that are missing and make the bucket. Raises DuologueError with what to do."""
    schema.upgrade()
    storage.make_bucket()
