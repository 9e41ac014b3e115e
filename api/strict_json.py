"""Reads a body as one clean JSON object; what is ambiguous, endless or cannot be stored is refused with a sentence."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from jobs.rules.strict_json import DEPTH_MAX, read_object

__all__ = ["DEPTH_MAX", "RawBody", "read_object"]


async def _read(request: Request) -> bytes:
    return await request.body()


RawBody = Annotated[bytes, Depends(_read)]
"""The body, unread by the framework: a caller without a key never gets as far as having it parsed."""
