"""Checks of the engines: which of those configured can render on this machine."""

from importlib.util import find_spec

from cli.doctor.finding import Finding, failure, ok
from jobs.errors import EngineError

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
    """What a worker here would find before its first claim."""
    from workers import fitness

    standing = fitness.examine("gpu")
    if not standing.is_fit:
        return failure("engine gpu", standing.sentence, "See docs/gpu.md; workers elsewhere may be fit all the same.")
    return ok("engine gpu", standing.sentence)


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
