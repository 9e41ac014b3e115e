"""Builds the overlays of deploy/kubernetes and holds every object to the schema of its kind."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import kubernetes_validate
from ruamel.yaml import YAML

from tests.deploy import tools

OVERLAYS = ("small", "external", "gpu")
VERSION = "1.37"
NO_SCHEMA = {"ScaledObject"}
"""KEDA's kind: its schema comes with KEDA."""

Thing = dict[str, Any]


def complaints() -> list[str]:
    """A line for each overlay that cannot be built, and each object that its kind's schema refuses."""
    with ThreadPoolExecutor(len(OVERLAYS)) as pool:
        built = dict(zip(OVERLAYS, pool.map(_built, OVERLAYS), strict=True))
    found = []
    for overlay, (text, trouble) in built.items():
        found += [f"{overlay}: {trouble}"] if trouble else [f"{overlay}: {line}" for line in refused(_read(text))]
    return found


def refused(things: list[Thing]) -> list[str]:
    """A line for each object with a field that is not there, misses or is of the wrong kind."""
    found = []
    for thing in things:
        try:
            kubernetes_validate.validate(thing, VERSION, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"{name(thing)}: {'.'.join(map(str, error.path))}: {error.message}")
        except kubernetes_validate.SchemaNotFoundError:
            if thing["kind"] not in NO_SCHEMA:
                found.append(f"{name(thing)}: Kubernetes {VERSION} knows no such kind")
    return found


@cache
def things(overlay: str) -> tuple[Thing, ...]:
    """Every object of an overlay, as `kubectl apply --kustomize` would send it."""
    text, trouble = _built(overlay)
    assert not trouble, trouble
    return tuple(_read(text))


def name(thing: Thing) -> str:
    return f"{thing['kind']}/{thing['metadata']['name']}"


def _built(overlay: str) -> tuple[str, str]:
    said = tools.run("kubectl", "kustomize", f"deploy/kubernetes/overlays/{overlay}")
    return said.stdout, "" if said.returncode == 0 else said.stderr.strip()


def _read(text: str) -> list[Thing]:
    return list(YAML(typ="safe").load_all(text))
