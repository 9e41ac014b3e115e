"""Promises about every endpoint at once: whatever is sent, the answer is one that the OpenAPI document tells of."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from tests import factories
from tests.api.open_door import served
from tests.api.rendering import complete
from tests.conftest import Member, set_settings

Case = schemathesis.Case[Any]
Operation = APIOperation[Any, Any, Any, Any]

EXAMPLES = 20
PATIENCE_SECONDS = 60.0
PROMISES: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@dataclass(frozen=True)
class Door:
    """The whole front door behind a real socket, with what its document says there is."""

    url: str
    session: requests.Session
    operations: list[Operation]
    final_jobs: dict[str, str]
    """A finished job for each operation about a job, by the operation's label."""

    def ask(self, case: Case) -> None:
        """Send it; the answer must be a documented one, and none of 500 or more."""
        answer = case.call(base_url=self.url, session=self.session, timeout=PATIENCE_SECONDS)
        case.validate_response(answer, checks=PROMISES)


@pytest.fixture
def door(bucket: str, member: Member, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Door]:
    set_settings(monkeypatch, {"DUOLOGUE_SYNC_SECONDS": "0.01"})  # nobody renders here
    app = create_app()
    document = schemathesis.openapi.from_dict(copy.deepcopy(app.openapi()), config=SchemathesisConfig())
    operations = [found.ok() for found in document.get_all_operations() if isinstance(found, Ok)]
    final_jobs = {one.label: finished(member, tmp_path) for one in operations if "{" in one.path}
    with served(app) as url, requests.Session() as session:
        session.headers.update(member.headers)
        yield Door(url, session, operations, final_jobs)


def test_whatever_is_sent_the_answer_is_a_documented_one(door: Door, subtests: pytest.Subtests) -> None:
    for operation in door.operations:
        with subtests.test(operation.label):
            explore(door, operation)


def test_at_every_boundary_the_answer_is_a_documented_one(door: Door, subtests: pytest.Subtests) -> None:
    for operation in door.operations:
        with subtests.test(operation.label):
            generation = operation.schema.config.generation_for(operation=operation)
            for case in operation.schema.iter_coverage_cases(
                operation, generation_modes=list(GenerationMode), generation_config=generation
            ):
                door.ask(case)


def explore(door: Door, operation: Operation) -> None:
    """The same examples in every run: good forms, bad forms, and good forms about a job that is there."""
    cases = operation.as_strategy(GenerationMode.POSITIVE) | operation.as_strategy(GenerationMode.NEGATIVE)
    if job_id := door.final_jobs.get(operation.label):
        known = {parameter.name: job_id for parameter in operation.path_parameters}
        cases |= operation.as_strategy(GenerationMode.POSITIVE, path_parameters=known)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def ask(case: Case) -> None:
        door.ask(case)

    ask()


def finished(member: Member, folder: Path) -> str:
    job = factories.submit(member.caller)
    complete(folder)
    return job.id.hex
