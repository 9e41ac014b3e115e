"""Loads the face networks that ship with the preview, and only those: each file is checked against its sha256."""

import hashlib
from pathlib import Path
from typing import Final

import cv2

from jobs.errors import EngineError

DETECTOR: Final = "face_detection_full_range.tflite"
LANDMARKS: Final = "face_landmark.tflite"

SHA256: Final = {
    DETECTOR: "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
    LANDMARKS: "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
}


def load(name: str, folder: Path | None = None) -> cv2.dnn.Net:
    """Load one of the two networks, from this package or `folder`. EngineError if it is not the one we know."""
    path = (folder or Path(__file__).parent / "models") / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EngineError(f"The face model {name} cannot be read: {error.strerror}.", permanent=False) from error
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        raise EngineError(
            f"The face model {name} is not the one this release knows. Install it again.", permanent=False
        )
    return _read(path)


def _read(path: Path) -> cv2.dnn.Net:
    # OpenCV 5 reads TFLite with a new engine that loses the landmark network's second output, and it heeds the wish for
    # the old one only when it is given a path, not bytes. OpenCV 4 knows the old one alone.
    if hasattr(cv2.dnn, "ENGINE_CLASSIC"):
        return cv2.dnn.readNetFromTFLite(path, cv2.dnn.ENGINE_CLASSIC)
    return cv2.dnn.readNetFromTFLite(path)
