"""Asks the driver how much memory is in use on this worker's GPU, whoever uses it; needs nothing that renders.

A driver that hangs lets nobody go who asks it, not even one who gives up: that is for a thread that nobody waits for.
"""

import os
import subprocess
import threading
from typing import Final

from jobs import settings
from workers import drain

_PATIENCE_SECONDS: Final = 5.0
_AGAIN_SECONDS: Final = 10.0


class Gauge:
    """What the driver said last: `used_bytes` is None until it answers, and where it never does."""

    used_bytes: int | None = None

    def watch(self) -> None:
        """Ask now and again, in a thread of its own, until this process takes no more work."""
        threading.Thread(target=self._watch, name="gpu-memory", daemon=True).start()

    def _watch(self) -> None:
        while True:
            self.used_bytes = used_bytes()
            if drain.wait(_AGAIN_SECONDS):
                return


def used_bytes() -> int | None:
    """None where this worker has no GPU, or the driver does not say."""
    chosen = settings.load()
    if "gpu" not in chosen.engines or not chosen.gpu_device.startswith("cuda"):
        return None
    command = ["nvidia-smi", f"--id={_number(chosen.gpu_device)}", "--query-gpu=memory.used"]
    try:
        found = subprocess.run(
            [*command, "--format=csv,noheader,nounits"],
            check=True,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
        )
        return int(found.stdout) * 2**20
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def _number(device: str) -> str:
    """What the driver calls the device: of those that this process may see, the one of that place."""
    place = int(device.partition(":")[2] or 0)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    return visible[place].strip() if visible[0] and place < len(visible) else str(place)
