"""How much of everything a caller's media may take; whoever calls intake fills it from the settings."""

from dataclasses import dataclass

from jobs.rules.catalog import Kind


@dataclass(frozen=True)
class Limits:
    """Bytes are those of the file as received; seconds of sound are counted when decoded, never read from a header."""

    image_max_bytes: int = 30 * 10**6
    audio_max_bytes: int = 200 * 10**6
    video_max_bytes: int = 500 * 10**6
    fetch_seconds: float = 120
    idle_seconds: float = 15
    redirects_max: int = 5
    parallel: int = 3

    decode_seconds: float = 120
    decode_memory_bytes: int = 2 * 2**30
    regular_max_bytes: int = 256 * 2**20

    side_min_pixels: int = 64
    image_side_max_pixels: int = 16_384
    image_max_pixels: int = 50_000_000
    video_side_max_pixels: int = 4_096
    aspect_max: float = 5.0

    audio_min_seconds: float = 0.04
    audio_max_seconds: float = 600
    rate_min_hz: int = 4_000
    rate_max_hz: int = 384_000
    channels_max: int = 16

    def max_bytes(self, kind: Kind) -> int:
        return {
            "image": self.image_max_bytes,
            "mask": self.image_max_bytes,
            "audio": self.audio_max_bytes,
            "video": self.video_max_bytes,
        }[kind]
