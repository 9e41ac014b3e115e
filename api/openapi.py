"""Finishes the OpenAPI document the framework drafts: our forms take part, its own error shape does not."""

from typing import Any

from fastapi import FastAPI

TAGS = [
    {
        "name": "WaveSpeed",
        "description": "The contract existing WaveSpeed clients rely on: submit a model, read its result.",
    },
    {"name": "WaveSpeed money", "description": "What there is to spend, and what was spent on what."},
    {"name": "WaveSpeed uploads", "description": "Put a file where jobs and your own programs can read it."},
    {"name": "Jobs", "description": "Our own face: the same jobs with engine, priority, deadlines, tags and timeline."},
    {"name": "Batches", "description": "Many jobs as one order, from a file or an array, with files of results."},
    {"name": "Account", "description": "Keys and what they may do, limits, budgets, and where the money went."},
    {"name": "Webhooks", "description": "Endpoints that are told what happens, the log of what they were told."},
    {"name": "Callbacks", "description": "Where the upstream tells us that a job has ended; its signature is the key."},
    {"name": "Operations", "description": "What monitoring and autoscaling read: numbers over all accounts, no names."},
    {"name": "Health", "description": "For load balancers and supervisors; no key needed."},
]

COMPONENT = "#/components/schemas/{model}"
"""How a form's schema names the schemas it is made of."""

_NOT_OURS = ("HTTPValidationError", "ValidationError")


def install(app: FastAPI) -> None:
    """Have the app described in our words, once somebody asks: writing it down takes a third of a second."""
    draft = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            _finish(draft())
        return draft()

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's own way


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Every operation by its method and path."""
    return {
        (method.upper(), path): operation
        for path, found in document["paths"].items()
        for method, operation in found.items()
    }


def json_body(schema: dict[str, Any]) -> dict[str, Any]:
    """The part of a route that says which JSON it takes, where we read the body ourselves."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _finish(document: dict[str, Any]) -> None:
    """Change the framework's draft in place; it is drafted once."""
    components = document["components"]["schemas"]
    for operation in operations(document).values():
        operation["responses"].pop("422", None)  # a form that is not understood is our 400
        for content in operation.get("requestBody", {}).get("content", {}).values():
            components.update(content["schema"].pop("$defs", {}))
    for name in _NOT_OURS:
        components.pop(name, None)
