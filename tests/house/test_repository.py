import re

from tests.house import tree

FILE_MAX_BYTES = 2 * 2**20
# In brackets, so that this file does not name what it looks for.
REGISTRIES = re.compile(
    r"[p]ypi\.org|[p]ythonhosted\.org|registry\.[n]pmjs|deb\.[d]ebian\.org|[g]hcr\.io|[q]uay\.io|docker\.[i]o"
    r"|proxy\.[g]olang"
)
FOLDERS_OF_ONE_MACHINE = re.compile(r"(?<![\w.:>/*-])/(home|root|Users|work|mnt|farm)/\w")
NOT_TEXT = {".flac", ".gz", ".ico", ".jpg", ".mp3", ".mp4", ".npz", ".png", ".tflite", ".wav", ".webp", ".woff2"}


def test_nothing_big_is_in_git() -> None:
    sizes = {str(path): (tree.ROOT / path).stat().st_size for path in tree.committed()}

    assert {path: size for path, size in sizes.items() if size > FILE_MAX_BYTES} == {}


def test_nothing_that_is_ignored_is_tracked() -> None:
    assert tree.tracked_but_ignored() == ()


def test_no_line_names_a_registry_or_a_folder_of_one_machine() -> None:
    named = [
        f"{path}:{number}: {line.strip()[:120]}"
        for path in tree.files()
        if path.suffix not in NOT_TEXT
        for number, line in enumerate(tree.text(path).splitlines(), 1)
        if REGISTRIES.search(line) or FOLDERS_OF_ONE_MACHINE.search(line)
    ]

    assert named == []


def test_secrets_of_a_checkout_stay_out_of_git() -> None:
    ignored = tree.text(".gitignore").splitlines()

    assert {".env", ".duologue/"} <= set(ignored)


def test_the_licence_is_in_the_wheel_and_in_the_project() -> None:
    assert "Apache License" in tree.text("LICENSE")
    assert "Version 2.0, January 2004" in tree.text("LICENSE")
    assert {"LICENSE", "NOTICE"} <= {str(path) for path in tree.files()}
