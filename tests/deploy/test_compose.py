import re
from pathlib import Path

import pytest

from tests.deploy import compose, images, tools
from tests.deploy.compose import OURS, PLAN, SERVICES
from tests.house import tree

SERVERS = ("postgres", "valkey", "bucket")
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|KEY")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("cap_drop: [ALL]", "cap_dorp: [ALL]"),
        ("condition: service_healthy", "condition: service_cheerful"),
    ],
)
def test_a_compose_file_with_a_fault_is_found_out(tmp_path: Path, right: str, wrong: str) -> None:
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(tree.text("docker-compose.yml").replace(right, wrong))

    assert compose.complaints(str(broken)) != []


def test_every_part_of_the_system_is_a_service() -> None:
    assert set(OURS) == {"migrate", "api", "worker", "gpu-worker", "timetable"}
    assert set(SERVICES) == {*OURS, *SERVERS, "prometheus", "grafana"}
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == {
        "gpu-worker": ["gpu"],
        "prometheus": ["monitoring"],
        "grafana": ["monitoring"],
    }


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate"}))
def test_a_service_that_stays_says_when_it_is_well_and_comes_back(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_can_do_no_more_than_it_must(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"])
    assert name in SERVERS or "cap_add" not in service


def test_services_wait_for_services_that_are_there() -> None:
    for name, service in SERVICES.items():
        assert set(service.get("depends_on", {})) <= set(SERVICES) - {name}


def test_ports_open_on_this_machine_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_data_lies_in_volumes_with_names() -> None:
    mounted = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}

    assert {place for place in mounted if not place.startswith((".", "/", "$"))} == set(PLAN["volumes"])


def test_what_is_mounted_from_the_checkout_is_there() -> None:
    mounted = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    of_the_checkout = {Path(place) for place in mounted if place.startswith("./")}

    assert [str(place) for place in of_the_checkout if not (tree.ROOT / place).exists()] == []


def test_no_image_floats() -> None:
    pulled = [service["image"] for service in SERVICES.values() if "build" not in service]
    pulled += [line.split()[0] for line in images.instructions("FROM") if ":" in line]

    assert [image for image in pulled if not re.fullmatch(r"[\w./-]+:v?\d+\.\d+[\w.-]*(@sha256:\w{64})?", image)] == []


def test_no_secret_is_in_an_environment_or_on_a_command_line() -> None:
    for name, service in SERVICES.items():
        environment = service.get("environment", {})
        told = [variable for variable in environment if SECRET.search(variable) and not is_a_file(variable)]
        words = " ".join(map(str, service.get("command", [])))
        assert told == [], name
        assert not re.search(r"\$\{\w*(PASSWORD|SECRET|KEY)", words), name


def test_a_service_is_given_the_secrets_it_reads_and_no_others() -> None:
    for name, service in SERVICES.items():
        given = {one if isinstance(one, str) else one["source"] for one in service.get("secrets", [])}
        words = [*service.get("environment", {}).values(), *service.get("command", [])]
        read = set(re.findall(r"/run/secrets/([\w.]+)", " ".join(map(str, words))))
        elsewhere = {one["source"] for one in service.get("secrets", []) if not isinstance(one, str)}
        assert given - elsewhere == read, name
        assert given <= set(PLAN["secrets"]), name


def test_a_stopping_worker_is_given_longer_than_it_drains() -> None:
    from jobs.settings import Settings

    for name in ("worker", "gpu-worker"):
        [minutes] = re.fullmatch(r"(\d+)m", SERVICES[name]["stop_grace_period"]).groups()  # type: ignore[union-attr]  # it matches
        assert int(minutes) * 60 > Settings.model_fields["drain_seconds"].default


@pytest.mark.parametrize("name", ["worker", "gpu-worker"])
def test_a_worker_listens_where_its_engines_ring(name: str) -> None:
    [queues] = [word for word in SERVICES[name]["command"] if word.startswith("--queues=")]
    engines = SERVICES[name]["environment"]["DUOLOGUE_ENGINES"]
    named = [engines] if engines == "gpu" else ["preview", "cloud"]

    assert queues == "--queues=" + ",".join(f"duologue.{engine}" for engine in named)


def test_what_only_compose_reads_is_in_the_example() -> None:
    read = set(re.findall(r"\$\{(\w+)[:}-]", tree.text("docker-compose.yml")))
    own = {name for name in read if not name.startswith("DUOLOGUE_")}

    assert [name for name in read if f"\n#{name}=" not in tree.text(".env.example")] == []
    part = tree.text(".env.example").partition("# --- Only for docker compose ---")[2]
    assert set(re.findall(r"^#(\w+)=", part, re.MULTILINE)) == own


@pytest.mark.skipif(tools.compose() is None, reason="Docker Compose's wheel is for Linux on x86_64")
def test_what_is_set_in_the_env_file_reaches_the_programs() -> None:
    found = compose.resolved(DUOLOGUE_PUBLIC_URL="https://made.up", WORKER_SLOTS="7", SECRETS_DIR="/made/up")

    assert found["api"]["environment"]["DUOLOGUE_PUBLIC_URL"] == "https://made.up"
    assert "--concurrency=7" in found["worker"]["command"]


def is_a_file(variable: str) -> bool:
    return variable.endswith("_FILE")
