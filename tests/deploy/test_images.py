from pathlib import Path

from tests.deploy import images
from tests.deploy.compose import OURS, SERVICES
from tests.house import tree


def test_a_dockerfile_with_a_fault_is_found_out(tmp_path: Path) -> None:
    broken = tmp_path / "Dockerfile"
    broken.write_text("FROM debian:latest\nRUN apt-get install curl\n")

    assert images.complaints(str(broken)) != []


def test_images_are_built_from_files_that_are_there() -> None:
    assert [source for source in images.copied() if not (tree.ROOT / source).exists()] == []
    assert set(tree.PACKAGES) <= set(images.copied())


def test_what_images_are_built_from_is_let_through() -> None:
    let_through = {line[1:].rstrip("/") for line in tree.text(".dockerignore").splitlines() if line.startswith("!")}

    assert [source for source in images.copied() if not let_through & {source, *map(str, Path(source).parents)}] == []


def test_nothing_runs_as_root() -> None:
    [user] = images.instructions("USER")

    assert user == "10001:10001"


def test_every_image_that_compose_builds_is_a_stage() -> None:
    stages = [line.rpartition(" AS ")[2] for line in images.instructions("FROM")]

    assert {SERVICES[name]["build"]["target"] for name in OURS} == {"duologue", "gpu"} <= set(stages)
    assert stages[-1] == "duologue", "what is built when nobody names a stage"


def test_packages_are_pinned_with_their_hashes() -> None:
    installs = [line for line in images.instructions("RUN") if "pip install" in line]
    lines = [part for line in installs for part in line.split("&&") if "pip install" in part]

    assert [part for part in lines if "--require-hashes" not in part and "dist/" not in part] == []
