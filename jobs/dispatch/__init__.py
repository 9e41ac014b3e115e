"""Chooses who renders a job, by how the engines stand now: asked with every order, and again when a job stumbles."""

from jobs.dispatch.choosing import choose, elsewhere, explain, look, policy
from jobs.dispatch.facts import current, forget

__all__ = ["choose", "current", "elsewhere", "explain", "forget", "look", "policy"]
