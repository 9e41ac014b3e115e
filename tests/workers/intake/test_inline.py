"""Promises about media that come inside the request: forgiving in form, strict in letters, limited like the rest."""

import base64
from pathlib import Path

import pytest

from tests.workers.intake.bringing import MEDIA, bring, refusal
from workers.intake.fetch import Source


@pytest.fixture
def fetched(tmp_path: Path) -> Path:
    return tmp_path / "fetched"


BASE64 = base64.b64encode(MEDIA).decode()


@pytest.mark.parametrize(
    "source",
    [
        MEDIA,
        BASE64,
        f"  {BASE64}\n",
        "\n".join(BASE64[at : at + 76] for at in range(0, len(BASE64), 76)),
        BASE64.rstrip("="),
        BASE64.rstrip("=") + "==",
        base64.urlsafe_b64encode(MEDIA).decode(),
        f"data:audio/mpeg;base64,{BASE64}",
        f"DATA:;BASE64,{BASE64}",
        f"data:audio/mpeg;charset=x;base64,{BASE64.replace('=', '%3D')}",
        "data:audio/wav," + "".join(f"%{byte:02X}" for byte in MEDIA),
    ],
    ids=["bytes", "bare", "spaces", "lines", "unpadded", "overpadded", "urlsafe", "uri", "upper", "escaped", "percent"],
)
def test_media_inside_the_request_is_decoded_in_all_its_forms(fetched: Path, source: Source) -> None:
    assert bring(source, fetched) == MEDIA


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("", "empty"),
        (b"", "empty"),
        ("data:audio/wav;base64,", "empty"),
        ("data:audio/wav;base64", "comma"),
        ("ftp://example.com/a.mp3", "ftp: is not supported"),
        ("javascript:alert(1)", "javascript: is not supported"),
        ("../etc/passwd", "neither"),
        ("C:/a.mp3", "C: is not supported"),
        ("not base64 at all!", "neither"),
        ("AAAA=AAA", "neither"),
        ("ÄÖÜ=", "neither"),
        (BASE64.rstrip("=") + "AAA", "cut off"),
        (base64.b64encode(b"hello, I am text").decode(), "is text"),
        (base64.b64encode(b"<html><body>").decode(), "is a web page"),
        (b"hello, I am text", "is text"),
    ],
)
def test_what_is_no_media_inside_the_request_is_refused(fetched: Path, source: Source, word: str) -> None:
    error = refusal(source, fetched)
    assert any(part in error.reason for part in word.split("|"))
    assert error.permanent


@pytest.mark.parametrize(
    "source", [MEDIA, BASE64, f"data:;base64,{BASE64}", "data:," + "%ff" * 1000, "data:," + "x" * 10**5]
)
def test_media_inside_the_request_has_the_same_limit(fetched: Path, source: Source) -> None:
    assert "is larger than" in refusal(source, fetched, max_bytes=999).reason
