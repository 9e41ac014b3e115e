"""Measures the loudness of a track that streams by (EBU R 128), and says by how much to raise or lower it."""

from fractions import Fraction
from typing import Final

import av
import numpy as np
import numpy.typing as npt
from av.filter import Graph

TARGET_LUFS: Final = -23.0
"""What the model wants each voice at before they are mixed."""

_SILENCE_LUFS: Final = -69.5
"""The meter says -70 when nothing was above its absolute gate."""


class LoudnessMeter:
    """Integrated loudness in constant memory, by libavfilter's meter."""

    def __init__(self, sample_rate: int) -> None:
        self._time_base = Fraction(1, sample_rate)
        self._rate = sample_rate
        self._fed = 0
        self._lufs = -70.0
        graph = Graph()
        self._entry = graph.add_abuffer(format="s16", sample_rate=sample_rate, layout="mono", time_base=self._time_base)
        meter = graph.add("ebur128", "metadata=1:framelog=quiet")
        self._exit = graph.add("abuffersink")
        self._entry.link_to(meter)
        meter.link_to(self._exit)
        graph.configure()
        # The filters live only as long as their graph.
        self._graph = graph

    def feed(self, samples: npt.NDArray[np.int16]) -> None:
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis, :], format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = self._rate, self._time_base, self._fed
        self._fed += len(samples)
        self._entry.push(frame)
        self._read()

    def gain(self) -> float:
        """The factor that brings what was fed to the target; 1 for silence and for tracks too short to measure."""
        self._entry.push(None)
        self._read()
        if self._lufs <= _SILENCE_LUFS:
            return 1.0
        return float(10 ** ((TARGET_LUFS - self._lufs) / 20))

    def _read(self) -> None:
        while True:
            try:
                metadata = self._exit.pull().metadata
            except (av.BlockingIOError, av.EOFError):
                return
            # The meter speaks after every 100 ms; the rest at the end passes without a word.
            self._lufs = float(metadata.get("lavfi.r128.I", self._lufs))
