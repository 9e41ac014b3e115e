"""Measures how loud a track is (ITU-R BS.1770, integrated) and brings it to what the model was trained on."""

from typing import Final

import numpy as np
import numpy.typing as npt

TARGET_LUFS: Final = -23.0

Samples = npt.NDArray[np.float32]

_BLOCK_SECONDS: Final = 0.4
_STEP: Final = 0.25
"""Blocks begin every quarter of a block."""

_ABSOLUTE_GATE_LUFS: Final = -70.0
_RELATIVE_GATE_LU: Final = -10.0
_OFFSET_LUFS: Final = -0.691
_RESPONSE_SAMPLES: Final = 8192
"""The filters' answer to a click has died away (1e-50) after so many samples at 16 kHz."""

_FFT_SAMPLES: Final = 1 << 16


def normalised(samples: Samples, sample_rate: int) -> Samples:
    """Bring a track to -23 LUFS. Silence, and what is shorter than a block of the meter, stays as it is."""
    loudness = integrated(samples, sample_rate)
    if loudness is None:
        return samples
    gain = 10 ** ((TARGET_LUFS - loudness) / 20)
    return (samples.astype(np.float64) * gain).astype(np.float32)


def integrated(samples: Samples, sample_rate: int) -> float | None:
    """Measure in LUFS; None if nothing is loud enough, or long enough, to be measured."""
    if len(samples) < _BLOCK_SECONDS * sample_rate:
        return None
    powers = _block_powers(_weighted(samples.astype(np.float64), sample_rate), sample_rate)
    audible = powers[_lufs(powers) >= _ABSOLUTE_GATE_LUFS]
    if not audible.size:
        return None
    gate = _lufs(audible.mean()) + _RELATIVE_GATE_LU
    return float(_lufs(audible[_lufs(audible) > gate].mean()))


def _lufs(power: npt.ArrayLike) -> npt.NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return _OFFSET_LUFS + 10 * np.log10(np.asarray(power, np.float64))


def _block_powers(samples: npt.NDArray[np.float64], sample_rate: int) -> npt.NDArray[np.float64]:
    seconds = len(samples) / sample_rate
    count = round((seconds - _BLOCK_SECONDS) / (_BLOCK_SECONDS * _STEP)) + 1
    energy = np.concatenate([[0.0], np.cumsum(samples**2)])
    starts = (_BLOCK_SECONDS * (np.arange(count) * _STEP) * sample_rate).astype(np.int64)
    ends = (_BLOCK_SECONDS * (np.arange(count) * _STEP + 1) * sample_rate).astype(np.int64)
    sums = energy[np.minimum(ends, len(samples))] - energy[starts]
    return sums / (_BLOCK_SECONDS * sample_rate)


def _weighted(samples: npt.NDArray[np.float64], sample_rate: int) -> npt.NDArray[np.float64]:
    """Filter as the ear hears: the two recursive filters of the standard, as one long finite one, block by block."""
    response = _response(sample_rate)
    step = _FFT_SAMPLES - _RESPONSE_SAMPLES + 1
    heard = np.zeros(len(samples) + _FFT_SAMPLES)
    for start in range(0, len(samples), step):
        spectrum = np.fft.rfft(samples[start : start + step], _FFT_SAMPLES) * response
        heard[start : start + _FFT_SAMPLES] += np.fft.irfft(spectrum, _FFT_SAMPLES)
    return heard[: len(samples)]


def _response(sample_rate: int) -> npt.NDArray[np.complex128]:
    """Spectrum of both filters' first samples; cut there, it wraps round nothing that can be heard."""
    turns = np.exp(-1j * np.pi * np.arange(_FFT_SAMPLES // 2 + 1) / (_FFT_SAMPLES // 2))
    both = _shelf(sample_rate, turns) * _high_pass(sample_rate, turns)
    click = np.fft.irfft(both, _FFT_SAMPLES)
    return np.fft.rfft(click[:_RESPONSE_SAMPLES], _FFT_SAMPLES)


def _shelf(
    sample_rate: int, z: npt.NDArray[np.complex128], gain_db: float = 4.0, q: float = 0.5**0.5, hertz: float = 1500.0
) -> npt.NDArray[np.complex128]:
    """Raise what lies above 1.5 kHz by 4 dB: the head in the sound field."""
    amplitude = 10 ** (gain_db / 40)
    turn = 2 * np.pi * hertz / sample_rate
    cosine, root = np.cos(turn), 2 * np.sqrt(amplitude) * np.sin(turn) / (2 * q)
    high, low = (amplitude + 1) + (amplitude - 1) * cosine, (amplitude + 1) - (amplitude - 1) * cosine
    slope, rise = (amplitude - 1) - (amplitude + 1) * cosine, (amplitude - 1) + (amplitude + 1) * cosine
    above = amplitude * ((high + root) - 2 * rise * z + (high - root) * z**2)
    below = (low + root) + 2 * slope * z + (low - root) * z**2
    return np.asarray(above / below)


def _high_pass(
    sample_rate: int, z: npt.NDArray[np.complex128], q: float = 0.5, hertz: float = 38.0
) -> npt.NDArray[np.complex128]:
    """Leave out what is too low to be heard as loudness."""
    turn = 2 * np.pi * hertz / sample_rate
    cosine, alpha = np.cos(turn), np.sin(turn) / (2 * q)
    above = (1 + cosine) / 2 * (1 - z) ** 2
    below = (1 + alpha) - 2 * cosine * z + (1 - alpha) * z**2
    return np.asarray(above / below)
