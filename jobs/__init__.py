"""What the front door and the engine room agree on: taking a job, moving it, asking about it."""
