"""Promises about pictures: every one we take becomes an upright, opaque sRGB picture, and no other gets through."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from jobs.errors import MediaError
from tests.workers.intake import making_media as make
from workers.intake.limits import Limits
from workers.intake.pictures import make_regular, make_regular_mask

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def regular(content: bytes, folder: Path, *, is_mask: bool = False) -> Image.Image:
    source, target = folder / "source", folder / "regular.png"
    source.write_bytes(content)
    facts = (make_regular_mask if is_mask else make_regular)("image", source, target, Limits())
    with Image.open(target, formats=["PNG"]) as picture:
        picture.load()
    assert picture.mode == ("L" if is_mask else "RGB")
    assert picture.size == (facts["width"], facts["height"])
    assert not picture.info
    return picture


def refusal(content: bytes, folder: Path) -> str:
    with pytest.raises(MediaError) as caught:
        regular(content, folder)
    assert caught.value.permanent
    assert caught.value.field == "image"
    return caught.value.reason


def colour_at(picture: Image.Image, x: float, y: float) -> tuple[int, ...]:
    """The colour at a place given in fractions of the sides."""
    colour = picture.getpixel((int(x * picture.width), int(y * picture.height)))
    assert isinstance(colour, tuple)
    return colour


def assert_two_halves(picture: Image.Image) -> None:
    assert colour_at(picture, 0.25, 0.5) == pytest.approx(RED, abs=12)
    assert colour_at(picture, 0.75, 0.5) == pytest.approx(BLUE, abs=12)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_every_format_becomes_the_same_picture(kind: str, tmp_path: Path) -> None:
    assert_two_halves(regular(make.picture(kind=kind), tmp_path))


@pytest.mark.parametrize(
    ("mode", "kind"), [("P", "PNG"), ("RGBA", "PNG"), ("CMYK", "JPEG"), ("CMYK", "TIFF"), ("YCbCr", "JPEG")]
)
def test_every_colour_mode_becomes_rgb(mode: str, kind: str, tmp_path: Path) -> None:
    assert_two_halves(regular(make.picture(mode, kind=kind), tmp_path))


@pytest.mark.parametrize("mode", ["1", "L", "LA"])
def test_grey_becomes_grey_in_rgb(mode: str, tmp_path: Path) -> None:
    grey = Image.new("L", (96, 96), 255).convert(mode)
    assert colour_at(regular(make.written(grey, "PNG"), tmp_path), 0.5, 0.5) == WHITE


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_brought_to_eight_not_clipped(kind: str, tmp_path: Path) -> None:
    deep = Image.fromarray(np.full((96, 96), 32_768, "u2"))
    assert colour_at(regular(make.written(deep, kind), tmp_path), 0.5, 0.5) == pytest.approx((128,) * 3, abs=1)


def test_floating_point_pixels_are_brought_to_eight_bits(tmp_path: Path) -> None:
    pixels = np.full((96, 96), 0.5, "f4")
    pixels[0, 0] = np.nan
    assert colour_at(regular(make.written(Image.fromarray(pixels), "TIFF"), tmp_path), 0.5, 0.5) == (128,) * 3


def test_what_is_transparent_turns_white(tmp_path: Path) -> None:
    glass = Image.new("RGBA", (96, 96), (255, 0, 0, 0))
    glass.paste((255, 0, 0, 128), (48, 0, 96, 96))
    picture = regular(make.written(glass, "PNG"), tmp_path)
    assert colour_at(picture, 0.25, 0.5) == WHITE
    assert colour_at(picture, 0.75, 0.5) == pytest.approx((255, 127, 127), abs=1)


def test_a_transparent_colour_of_a_palette_turns_white(tmp_path: Path) -> None:
    palette = make.two_halves().convert("P", palette=Image.Palette.ADAPTIVE)
    red = palette.getpixel((0, 0))
    picture = regular(make.written(palette, "PNG", transparency=red), tmp_path)
    assert colour_at(picture, 0.25, 0.5) == WHITE
    assert colour_at(picture, 0.75, 0.5) == BLUE


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_turned_as_the_camera_noted(orientation: int, kind: str, tmp_path: Path) -> None:
    noted = Image.Exif()
    noted[0x0112] = orientation
    quarters = make.two_halves((96, 128))
    quarters.paste((0, 255, 0), (0, 0, 48, 64))
    content = make.written(quarters, kind, exif=noted, **({"quality": 95} if kind != "PNG" else {}))
    with Image.open(io.BytesIO(content)) as given:
        expected = ImageOps.exif_transpose(given).convert("RGB")
    picture = regular(content, tmp_path)
    assert picture.size == expected.size
    for place in [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)]:
        assert colour_at(picture, *place) == colour_at(expected, *place)


def test_a_broken_note_of_the_camera_is_ignored(tmp_path: Path) -> None:
    assert_two_halves(regular(make.picture(kind="JPEG", exif=b"Exif\0\0MM\0*" + b"\xff" * 40), tmp_path))


def swapped_profile() -> bytes:
    """The sRGB profile with its red and blue exchanged."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"xxxx", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"xxxx", b"bXYZ", 1)


def test_a_colour_profile_is_followed(tmp_path: Path) -> None:
    picture = regular(make.picture(icc_profile=swapped_profile()), tmp_path)
    assert colour_at(picture, 0.25, 0.5) == pytest.approx(BLUE, abs=3)
    assert colour_at(picture, 0.75, 0.5) == pytest.approx(RED, abs=3)


def test_a_colour_profile_is_followed_behind_glass_too(tmp_path: Path) -> None:
    picture = regular(make.picture("RGBA", icc_profile=swapped_profile()), tmp_path)
    assert colour_at(picture, 0.25, 0.5) == pytest.approx(BLUE, abs=3)


@pytest.mark.parametrize("profile", [b"nonsense", swapped_profile()[:200], swapped_profile().replace(b"RGB ", b"CMYK")])
def test_a_colour_profile_that_is_broken_is_ignored(profile: bytes, tmp_path: Path) -> None:
    assert_two_halves(regular(make.picture(icc_profile=profile), tmp_path))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_of_what_moves_the_first_picture_is_taken(kind: str, tmp_path: Path) -> None:
    later = [Image.new("RGB", (96, 128), (0, 255, 0))]
    assert_two_halves(regular(make.picture(kind=kind, save_all=True, append_images=later), tmp_path))


def test_no_metadata_is_passed_on(tmp_path: Path) -> None:
    note, place = PngImagePlugin.PngInfo(), Image.Exif()
    note.add_text("Comment", "drawn at home")
    place.get_ifd(0x8825)[2] = (52.0, 31.0, 0.0)
    content = make.picture(pnginfo=note, exif=place, dpi=(300, 300))
    regular(content, tmp_path)
    stored = (tmp_path / "regular.png").read_bytes()
    assert [name for name in (b"tEXt", b"eXIf", b"pHYs", b"iCCP", b"tIME") if name in stored] == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is no picture"),
        (b"<html>", "is no picture"),
        (np.random.default_rng(1).bytes(5_000), "is no picture"),
        (b"PK\x03\x04" + bytes(1_000), "is no picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n", "is no picture"),
        (make.picture(kind="PPM"), "is no picture"),
        (make.picture(kind="ICO"), "is no picture"),
        (make.recording("wav", "pcm_s16le", make.tone(0.1)), "is no picture"),
        (make.picture(size=(1, 1)), "is 1 x 1 pixels; each side must have 64 to 16384"),
        (make.picture(size=(63, 100)), "is 63 x 100 pixels"),
        (make.picture(size=(20_000, 20)), "is 20000 x 20 pixels; each side must have 64 to 16384"),
        (make.picture(size=(64, 321)), "is 64 x 321 pixels; no side may be over 5 times the other"),
        (make.png_claiming(8_000, 7_000), "has more than 50 million pixels"),
        (make.png_claiming(16_384, 16_384), "has more than 50 million pixels"),
        (make.png_claiming(2**31 - 1, 2**31 - 1), "is 2147483647 x 2147483647 pixels|has more than 50 million"),
        (make.png_claiming(500, 500), "is cut off"),
        (make.png_claiming(0, 0), "is no picture"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_reason(content: bytes, reason: str, tmp_path: Path) -> None:
    assert refusal(content, tmp_path).startswith(tuple(reason.split("|")))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_a_picture_that_was_cut_off_is_refused(kind: str, tmp_path: Path) -> None:
    noise = Image.frombytes("RGB", (256, 256), np.random.default_rng(1).bytes(256 * 256 * 3))
    whole = make.written(noise, kind)
    assert refusal(whole[: len(whole) // 2], tmp_path).startswith(("is cut off", "is damaged", "is no picture"))


def test_a_picture_exactly_at_the_edges_is_taken(tmp_path: Path) -> None:
    assert regular(make.picture(size=(64, 320)), tmp_path).size == (64, 320)


def test_a_mask_becomes_grey(tmp_path: Path) -> None:
    mask = Image.new("RGB", (96, 96), "black")
    mask.paste("white", (48, 0, 96, 96))
    grey = regular(make.written(mask, "PNG"), tmp_path, is_mask=True)
    assert (grey.getpixel((10, 50)), grey.getpixel((90, 50))) == (0, 255)


def test_what_was_not_painted_of_a_mask_may_not_move(tmp_path: Path) -> None:
    mask = Image.new("RGBA", (96, 96), (255, 255, 255, 0))
    mask.paste((255, 255, 255, 255), (48, 0, 96, 96))
    grey = regular(make.written(mask, "PNG"), tmp_path, is_mask=True)
    assert (grey.getpixel((10, 50)), grey.getpixel((90, 50))) == (0, 255)
