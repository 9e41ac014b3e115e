import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.house import tree

PLAN: dict[str, Any] = YAML(typ="safe").load(tree.text("docker-compose.yml"))
SERVICES: dict[str, dict[str, Any]] = PLAN["services"]
DOCKERFILE = "deploy/Dockerfile"


def run(tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A checker of the development environment."""
    path = shutil.which(tool, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert path is not None, f"{tool} is missing: `make test` installs it"
    return subprocess.run([path, *arguments], cwd=tree.ROOT, check=False, capture_output=True, text=True)


def words(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from words(inner)
    else:
        yield str(value)


def test_the_compose_file_keeps_the_specification() -> None:
    found = run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")

    assert found.returncode == 0, found.stdout + found.stderr


def test_the_dockerfile_passes_its_linter() -> None:
    found = run("hadolint", DOCKERFILE)

    assert found.returncode == 0, found.stdout + found.stderr


def test_every_part_of_the_system_is_a_service() -> None:
    assert set(SERVICES) == {"postgres", "valkey", "bucket", "migrate", "api", "worker", "timetable"}
    assert {SERVICES[name]["build"]["dockerfile"] for name in ("migrate", "api", "worker", "timetable")} == {DOCKERFILE}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate", "timetable"}))
def test_a_service_that_answers_says_when_it_is_well(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


def test_services_wait_for_services_that_are_there() -> None:
    for name, service in SERVICES.items():
        assert set(service.get("depends_on", {})) <= set(SERVICES) - {name}


def test_ports_open_on_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_data_lies_in_volumes_with_names() -> None:
    mounted = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}

    assert mounted == set(PLAN["volumes"]) == {"postgres", "valkey", "bucket"}


def test_no_image_floats() -> None:
    images = [service["image"] for service in SERVICES.values() if "build" not in service]
    images += re.findall(r"^FROM (\S+)", tree.text(DOCKERFILE), re.MULTILINE)

    assert [image for image in images if not re.fullmatch(r"[\w./-]+:\d[\w.-]*", image)] == []


def test_secrets_have_no_default_and_say_so() -> None:
    used = re.findall(r"\$\{(\w*(?:PASSWORD|KEY|KEY_ID))\b(.?)", "\n".join(words(PLAN)))
    asked = set(re.findall(r"\$\{(\w+):\?[^}]+\}", "\n".join(words(PLAN))))

    assert {name for name, _ in used} == asked
    assert {operator for _, operator in used} == {":", "}"}
    assert not re.search(r"(PASSWORD|KEY|KEY_ID):-", tree.text("docker-compose.yml"))
    assert [name for name in asked if f"#{name}=\n" not in tree.text(".env.example")] == []


def test_the_image_is_built_from_files_that_are_there() -> None:
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", tree.text(DOCKERFILE), re.MULTILINE)
    sources = [source for line in copied for source in line.split()]

    assert [source for source in sources if not (tree.ROOT / source).exists()] == []
    assert set(tree.PACKAGES) <= set(sources)


def test_the_image_does_not_run_as_root() -> None:
    users = re.findall(r"^USER (\S+)", tree.text(DOCKERFILE), re.MULTILINE)

    assert users
    assert not users[-1].startswith(("root", "0"))
