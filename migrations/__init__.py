"""The schema's history, append-only; `env.py` runs it under a lock."""
