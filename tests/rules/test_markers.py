import uuid

from jobs.rules import markers

OURS, ANOTHERS = uuid.UUID(int=7), uuid.UUID(int=8)
LINK = "https://bucket.test/a.wav?X-Amz-Date=1&{}&X-Amz-Signature=2"


def test_inputs_that_name_only_another_try_are_not_this_ones() -> None:
    own, other = ({"audio": LINK.format(markers.note(one)), "seed": 1} for one in (OURS, ANOTHERS))
    assert not markers.is_anothers(own, OURS)
    assert markers.is_anothers(other, OURS)
    assert not markers.is_anothers(other | {"prompt": own["audio"]}, OURS)


def test_inputs_that_name_no_try_may_be_anybodys() -> None:
    assert not markers.is_anothers({}, OURS)
    assert not markers.is_anothers({"audio": "https://upstream.test/copy.wav"}, OURS)
    assert not markers.is_anothers({"audio": "https://bucket.test/a.wav?X-Amz-Date=1", "seed": 1}, OURS)
