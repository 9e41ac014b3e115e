import pytest

from jobs.rules import groups


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("out of memory at step 7, 2.5 GiB short", "out of memory at step 12, 11.25 GiB short"),
        ("left_audio: https://a.example/x?y=1 answered 404", "left_audio: http://b.example/ answered 503"),
        ("job 01a229a6d39f70eb94e14e81a6ce5498 is gone", "job 01a229a6-f5e5-7391-8094-e14e81a6ce54 is gone"),
        ("image: the host a1b2.example.com is not known", "image: the host kq\x00'w.example is not known"),
        ("image: ftpx: is not supported; give an http(s) URL", "image: gopher: is not supported; give an http(s) URL"),
        ("cannot read '/srv/a b/c.png'", "cannot read 'x'"),
        ("finished by 2026-11-29 22:48:33 UTC", "finished by 2026-12-01 01:00:00 UTC"),
        ("no room in /var/tmp/jobs/17", "no room in /var/lib/x"),
        ("it  came\n apart", "it came apart"),
    ],
)
def test_errors_that_differ_in_names_and_numbers_alone_say_the_same(one: str, other: str) -> None:
    assert groups.sentence_of(one) == groups.sentence_of(other)


def test_errors_that_say_something_else_are_something_else() -> None:
    sentences = {groups.sentence_of(error) for error in ("left_audio: too long", "image: too long", "image: too wide")}

    assert len(sentences) == 3


def test_an_error_of_any_length_is_read_quickly_and_said_briefly() -> None:
    assert len(groups.sentence_of("'" * 100_000 + "/a" * 100_000)) <= groups.SENTENCE_MAX_LETTERS


def test_a_kind_has_one_id_for_its_class_and_sentence() -> None:
    assert groups.id_of("input", "x") == groups.id_of("input", "x") != groups.id_of("engine", "x")
