"""The chores: one file each, with one `run_once()` that says how many things it did."""
