"""The engine that runs the model itself, on a GPU."""
