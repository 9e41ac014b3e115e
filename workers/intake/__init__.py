"""Brings a caller's media here, safely, and makes it regular: `prepare.prepare` is the way in."""
