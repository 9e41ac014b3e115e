"""What must lie ready in the servers before anybody may come in: the current schema, and the bucket."""

from cli import whereabouts
from jobs import schema, storage


def lay() -> None:
    """Run the migrations that are missing and make the bucket. Raises Failure, naming the server that is away."""
    with whereabouts.named():
        schema.upgrade()
        storage.make_bucket()
