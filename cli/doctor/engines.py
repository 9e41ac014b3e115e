"""Checks of the engines: which of those configured can render on this machine."""

from importlib.util import find_spec

from cli.doctor.finding import Finding, failure, ok, warning
from jobs import presence, schema
from jobs.errors import EngineError, Unavailable, WrongSetting

_AGAIN = "Install duologue again: `pip install --force-reinstall duologue`."


def engine(name: str) -> Finding:
    """Look at one configured engine as closely as we know how."""
    check = f"engine {name}"
    if find_spec(f"workers.engines.{name}") is None:
        return failure(check, "is not part of this release", f"Take {name} out of DUOLOGUE_ENGINES.")
    if name == "gpu":
        return gpu()
    return preview() if name == "preview" else ok(check, "is configured")


def gpu() -> Finding:
    """What a worker here would find before its first claim; no trouble of a front door whose workers are elsewhere."""
    from workers import fitness

    standing = fitness.examine("gpu")
    if standing.is_fit:
        return ok("engine gpu", standing.sentence)
    if others := _workers_with("gpu"):
        says = f"not on this machine: {standing.sentence}"
        return warning("engine gpu", says, f"Workers with it elsewhere: {others}.")
    return failure("engine gpu", standing.sentence, "See docs/gpu.md; no worker elsewhere has it either.")


def _workers_with(engine: str) -> int:
    """How many living workers serve it; none where nobody can tell."""
    try:
        schema.insist()
        return sum(worker.is_alive and engine in worker.engines for worker in presence.workers())
    except (Unavailable, WrongSetting):
        return 0


def preview() -> Finding:
    """Its libraries load, and its face networks are the ones this release knows."""
    try:
        import av
        import cv2

        from workers.engines.preview import networks

        for network in networks.SHA256:
            networks.load(network)
    except ImportError as error:
        return failure("engine preview", f"cannot be loaded: {error}", _AGAIN)
    except EngineError as error:
        return failure("engine preview", str(error), _AGAIN)
    return ok("engine preview", f"can render here; OpenCV {cv2.__version__}, PyAV {av.__version__}")
