"""Decodes any picture we take into a regular one: upright, sRGB, 8 bit, opaque, without metadata; runs in the child."""

import io
import struct
import warnings
import zlib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from jobs.errors import MediaError
from workers.intake import whitelist
from workers.intake.limits import Limits

_ORIENTATION_TAG: Final = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_DEEP_MAX: Final = 65_535
_BYTE_MAX: Final = 255
# What Pillow raises on broken files, as its plugins have it.
_BROKEN: Final = (OSError, SyntaxError, ValueError, RuntimeError, EOFError, struct.error, zlib.error)


def make_regular(field: str, source: Path, target: Path, limits: Limits) -> dict[str, Any]:
    """Write the regular picture to `target`, what is transparent turned white; its size. Raises MediaError."""
    with source.open("rb") as file:
        picture = _loaded(field, file, limits)
        upright = _upright(picture, _flat(_shallow(picture), "white", picture.info.get("icc_profile")))
    return _saved(upright, target)


def make_regular_mask(field: str, source: Path, target: Path, limits: Limits) -> dict[str, Any]:
    """As `make_regular`, but grey, and what is transparent turned black: nothing was painted there."""
    with source.open("rb") as file:
        picture = _loaded(field, file, limits)
        upright = _upright(picture, _flat(_shallow(picture), "black", None))
    return _saved(upright.convert("L"), target)


def _loaded(field: str, file: IO[bytes], limits: Limits) -> Image.Image:
    """Open, judge by the size in the header, and only then decode."""
    try:
        with warnings.catch_warnings(action="ignore"):
            picture = Image.open(file, formats=_formats())
            _refuse_size(field, *picture.size, limits)
            picture.load()
    except MemoryError:
        raise
    except Image.DecompressionBombError:
        raise _too_many_pixels(field, limits) from None
    except UnidentifiedImageError:
        raise MediaError(field, "is no picture in a format we read: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF") from None
    except _BROKEN as error:
        reason = "is cut off" if "truncated" in str(error) else "is damaged: it cannot be decoded"
        raise MediaError(field, reason) from None
    return picture


def _formats() -> list[str]:
    """Of the formats we take, those that this Pillow has."""
    if find_spec("pi_heif"):
        import_module("pi_heif").register_heif_opener()
    Image.init()
    return [name for name in whitelist.PICTURES if name in Image.OPEN]


def _refuse_size(field: str, width: int, height: int, limits: Limits) -> None:
    shortest, longest = sorted((width, height))
    if shortest < limits.side_min_pixels or longest > limits.image_side_max_pixels:
        sides = f"{limits.side_min_pixels} to {limits.image_side_max_pixels}"
        raise MediaError(field, f"is {width} x {height} pixels; each side must have {sides}")
    if width * height > limits.image_max_pixels:
        raise _too_many_pixels(field, limits)
    if longest > limits.aspect_max * shortest:
        raise MediaError(
            field, f"is {width} x {height} pixels; no side may be over {limits.aspect_max:g} times the other"
        )


def _too_many_pixels(field: str, limits: Limits) -> MediaError:
    return MediaError(
        field, f"has more than {limits.image_max_pixels / 10**6:g} million pixels, the most that is taken"
    )


def _shallow(picture: Image.Image) -> Image.Image:
    """Bring the deep grey modes, which `convert` would clip, to 8 bit; every other picture stays what it is."""
    if not picture.mode.startswith(("I", "F")):
        return picture
    grey = np.nan_to_num(np.asarray(picture, dtype=np.float32), nan=0.0).clip(0, _DEEP_MAX)
    if picture.mode == "F" and grey.max() <= 1:
        grey *= _BYTE_MAX
    elif picture.mode.startswith("I;16") or grey.max() > _BYTE_MAX:
        grey *= _BYTE_MAX / _DEEP_MAX
    return Image.fromarray(np.rint(grey).astype(np.uint8))


def _flat(picture: Image.Image, background: str, profile: bytes | None) -> Image.Image:
    """The colours as RGB on an opaque ground; the new picture carries none of the old one's metadata."""
    colours = picture if picture.mode in {"RGB", "L", "CMYK"} else picture.convert("RGBA").convert("RGB")
    alpha = picture.convert("RGBA").getchannel("A") if picture.has_transparency_data else None
    flat = Image.new("RGB", picture.size, background)
    flat.paste(_in_srgb(colours, profile), mask=alpha)
    return flat


def _in_srgb(colours: Image.Image, profile: bytes | None) -> Image.Image:
    """Follow the colour profile; one that is broken, or meant for other modes, is as good as none."""
    if profile:
        try:
            return _converted(colours, profile)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return colours.convert("RGB")


def _converted(colours: Image.Image, profile: bytes) -> Image.Image:
    srgb = ImageCms.createProfile("sRGB")
    given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    converted = ImageCms.profileToProfile(colours, given, srgb, outputMode="RGB")
    return converted if converted is not None else colours.convert("RGB")


def _upright(picture: Image.Image, flat: Image.Image) -> Image.Image:
    """Turn as the camera noted. Asked only now, for some formats keep the note behind the pixels."""
    try:
        turn = _TURNS.get(picture.getexif().get(_ORIENTATION_TAG, 1))
    except (*_BROKEN, KeyError, TypeError):
        turn = None
    return flat.transpose(turn) if turn is not None else flat


def _saved(picture: Image.Image, target: Path) -> dict[str, Any]:
    picture.info.clear()
    picture.save(target, format="PNG", compress_level=1)
    return {"width": picture.width, "height": picture.height}
