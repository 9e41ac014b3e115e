from datetime import UTC, datetime, timedelta

from jobs.rules import links
from jobs.rules.links import Signer


def test_a_link_is_signed_as_amazons_own_example() -> None:
    signer = Signer(
        "https://examplebucket.s3.amazonaws.com",
        "us-east-1",
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    )
    link = signer.link("test.txt", datetime(2013, 5, 24, tzinfo=UTC), 86400)
    assert link.startswith("https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&")
    assert link.endswith("&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")


def test_all_moments_of_a_window_have_one_start_and_the_next_window_another() -> None:
    start = links.window_start(datetime(2026, 5, 4, 13, 37, 1, tzinfo=UTC), 600)
    assert start == datetime(2026, 5, 4, 13, 30, tzinfo=UTC)
    assert links.window_start(start, 600) == start
    assert links.window_start(start + timedelta(seconds=599.9), 600) == start
    assert links.window_start(start + timedelta(seconds=600), 600) == start + timedelta(seconds=600)


def test_a_default_port_and_the_case_of_the_host_do_not_change_what_is_signed() -> None:
    def signature(base: str) -> str:
        signer = Signer(base, "us-east-1", "id", "secret")
        return signer.link("a b+ü~.mp4", datetime(2026, 5, 4, tzinfo=UTC), 60).rpartition("=")[2]

    assert signature("https://S3.example.com:443") == signature("https://s3.example.com")
    assert signature("https://s3.example.com:8443") != signature("https://s3.example.com")


def test_the_secret_is_not_in_a_signers_text() -> None:
    assert "hush" not in repr(Signer("https://s3.example.com", "us-east-1", "id", "hush"))
