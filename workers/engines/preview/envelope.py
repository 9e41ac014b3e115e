"""Turns sound into the opening of a mouth, 0 to 1 per frame: vowels open it, hisses, pauses and plosives close it."""

from typing import Final

import numpy as np
import numpy.typing as npt

from workers.engines.preview.pixels import Floats

_SPEECH_HZ: Final = (200.0, 4000.0)
_RANGE_DB: Final = 26.0
"""From the track's own loud moments down to a closed mouth."""
_SILENCE_DB: Final = -74.0
_LOUD_PERCENTILE: Final = 95
_NEIGHBOURS: Final = 2
"""Frames on each side that a frame is compared with: 200 ms in all."""
_DIP_DB: Final = 18.0
"""How far below its neighbourhood a frame is fully closed: what parts syllables."""
_ATTACK: Final = 0.8
_RELEASE: Final = 0.5


def measure(block: npt.NDArray[np.int16], samples_per_frame: int, sample_rate: int) -> Floats:
    """Measure every frame of a block: energy of speech in dB of full scale, and its share of all energy. Frames x 2."""
    count = -(-len(block) // samples_per_frame)
    padded = np.zeros(count * samples_per_frame, np.float32)
    padded[: len(block)] = block / np.float32(32768)
    frames = padded.reshape(count, samples_per_frame) * np.hanning(samples_per_frame).astype(np.float32)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    hertz = np.fft.rfftfreq(samples_per_frame, 1 / sample_rate)
    speech = power[:, (hertz >= _SPEECH_HZ[0]) & (hertz <= _SPEECH_HZ[1])].sum(axis=1)
    everything = power[:, hertz >= _SPEECH_HZ[0]].sum(axis=1)
    # A full-scale sine under this window has this much power.
    full_scale = (samples_per_frame / 4) ** 2
    decibels = 10 * np.log10(speech / full_scale + 1e-12)
    return np.stack([decibels, speech / np.maximum(everything, 1e-12)], axis=1).astype(np.float32)


def openings(measured: Floats) -> Floats:
    """How far the mouth is open in each frame; all zero for silence."""
    decibels, share = measured[:, 0], measured[:, 1]
    heard = decibels > _SILENCE_DB
    if not heard.any():
        return np.zeros(len(measured), np.float32)
    loud = float(np.percentile(decibels[heard], _LOUD_PERCENTILE))
    level = np.clip((decibels - loud + _RANGE_DB) / _RANGE_DB, 0, 1) * heard
    wanted = level * share * np.clip(1 - (_neighbourhood(decibels) - decibels) / _DIP_DB, 0, 1)
    # Lips move before the sound: one frame early.
    return _eased(np.append(wanted[1:], np.float32(0)))


def levels(measured: Floats) -> Floats:
    """How tall the waveform is drawn in each frame, against the track's loudest."""
    if not len(measured):
        return np.zeros(0, np.float32)
    amplitude = 10 ** (measured[:, 0] / 20)
    loudest = max(float(amplitude.max()), 10 ** (_SILENCE_DB / 20))
    return np.asarray(np.sqrt(amplitude / loudest), np.float32)


def _neighbourhood(decibels: Floats) -> Floats:
    """The loudest of the frames around each frame."""
    padded = np.pad(decibels, _NEIGHBOURS, mode="edge")
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEIGHBOURS + 1).max(axis=1), np.float32)


def _eased(wanted: Floats) -> Floats:
    """Follow fast upwards and slower downwards: jaws have weight."""
    eased = np.empty(len(wanted), np.float32)
    now = 0.0
    for number, target in enumerate(wanted.tolist()):
        now += (target - now) * (_ATTACK if target > now else _RELEASE)
        eased[number] = now
    return eased
