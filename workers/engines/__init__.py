"""The engines, and the one promise they all keep."""
