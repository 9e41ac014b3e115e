import copy
import re
from typing import Any

import pytest

from api.v1.scaling import EngineWork
from jobs.rules.appraisal import ENGINES
from jobs.settings import Settings
from tests.deploy import images, kubernetes
from tests.deploy.compose import OURS, SERVICES
from tests.deploy.kubernetes import OVERLAYS, Thing

PROGRAMS = {"small": set(OURS) - {"gpu-worker"}, "external": set(OURS) - {"gpu-worker"}, "gpu": set(OURS)}
DRAIN_SECONDS = Settings.model_fields["drain_seconds"].default


def of_kind(overlay: str, *kinds: str) -> dict[str, Thing]:
    return {thing["metadata"]["name"]: thing for thing in kubernetes.things(overlay) if thing["kind"] in kinds}


def workloads(overlay: str) -> dict[str, dict[str, Any]]:
    """The pod of everything that runs, by its name."""
    found = of_kind(overlay, "Deployment", "StatefulSet", "Job")
    return {name: thing["spec"]["template"]["spec"] for name, thing in found.items()}


def programs(overlay: str) -> dict[str, dict[str, Any]]:
    """Those that are ours."""
    return {name: pod for name, pod in workloads(overlay).items() if pod["containers"][0]["name"] == "program"}


def settings_of(overlay: str) -> dict[str, str]:
    [found] = [thing["data"] for thing in kubernetes.things(overlay) if thing["kind"] == "ConfigMap"]
    return dict(found)


def own_settings(pod: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in pod["containers"][0].get("env", []) if "value" in one}


def test_a_manifest_with_a_fault_is_found_out() -> None:
    whole = list(kubernetes.things("small"))
    assert kubernetes.refused(whole) == []
    for fault in ({"replicaz": 1}, {"replicas": "many"}):
        broken = copy.deepcopy([thing for thing in whole if thing["kind"] == "Deployment"])
        broken[0]["spec"] |= fault
        assert len(kubernetes.refused(broken)) == 1


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_program_that_compose_runs_runs_here_by_the_same_command(overlay: str) -> None:
    found = programs(overlay)

    assert set(found) == PROGRAMS[overlay]
    for name, pod in found.items():
        of_compose = [
            re.sub(r"\$\{\w+:-(\w+)\}", r"\1", word) for word in SERVICES[name].get("command", images.command())
        ]
        assert pod["containers"][0]["command"] == of_compose, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_settings_are_those_of_compose_but_for_what_differs_by_place(overlay: str) -> None:
    told = settings_of(overlay)

    assert set(SERVICES["api"]["environment"]) <= set(told)
    files = {name: path for name, path in told.items() if name.endswith("_FILE")}
    assert files == {name: path for name, path in SERVICES["api"]["environment"].items() if name.endswith("_FILE")}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_secrets_are_files_and_the_files_are_mounted(overlay: str) -> None:
    for name, pod in programs(overlay).items():
        [volume] = [one for one in pod["volumes"] if one["name"] == "secrets"]
        told = settings_of(overlay) | own_settings(pod)
        named = {path for variable, path in told.items() if variable.endswith("_FILE")}
        assert named == {f"/run/secrets/{item['path']}" for item in volume["secret"]["items"]}, name
        assert not any("secretKeyRef" in one.get("valueFrom", {}) for one in pod["containers"][0].get("env", []))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_are_as_restricted_as_the_namespace_asks(overlay: str) -> None:
    [namespace] = of_kind(overlay, "Namespace").values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for name, pod in workloads(overlay).items():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert container["resources"]["requests"], name
            assert container["resources"]["limits"]["memory"], name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_image_floats(overlay: str) -> None:
    used = {container["image"] for pod in workloads(overlay).values() for container in pod["containers"]}

    assert [image for image in used if not re.fullmatch(r"[\w./-]+:v?\d[\w.-]+(@sha256:\w{64})?", image)] == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_whatever_stays_is_asked_whether_it_lives_and_may_be_moved_one_at_a_time(overlay: str) -> None:
    spared = {
        thing["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"]: thing["spec"]["maxUnavailable"]
        for thing in of_kind(overlay, "PodDisruptionBudget").values()
    }
    assert spared == dict.fromkeys(PROGRAMS[overlay] - {"migrate"}, 1)
    for name, pod in workloads(overlay).items():
        assert name == "migrate" or pod["containers"][0]["livenessProbe"], name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_front_door_is_asked_what_it_answers(overlay: str) -> None:
    door = programs(overlay)["api"]["containers"][0]

    assert {probe: door[f"{probe}Probe"]["httpGet"]["path"] for probe in ("startup", "liveness", "readiness")} == {
        "startup": "/health",
        "liveness": "/health",
        "readiness": "/ready",
    }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_probes_run_scripts_that_are_in_the_image(overlay: str) -> None:
    scripts = {
        pod["containers"][0][probe]["exec"]["command"][-1]
        for pod in programs(overlay).values()
        for probe in ("startupProbe", "livenessProbe")
        if "exec" in pod["containers"][0].get(probe, {})
    }

    assert scripts == {f"/opt/duologue/{name}_is_alive.py" for name in ("worker", "timetable")}
    assert {f"deploy/{script.rpartition('/')[2]}" for script in scripts} <= set(images.copied())


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_worker_is_given_longer_to_end_than_it_drains(overlay: str) -> None:
    for name, pod in programs(overlay).items():
        if name.endswith("worker"):
            drains = float(own_settings(pod).get("DUOLOGUE_DRAIN_SECONDS", DRAIN_SECONDS))
            assert pod["terminationGracePeriodSeconds"] > drains, name


def test_gpu_workers_go_where_cards_are_and_take_one() -> None:
    pod = programs("gpu")["gpu-worker"]

    assert pod["nodeSelector"]
    assert [one["key"] for one in pod["tolerations"]] == ["nvidia.com/gpu"]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert own_settings(pod)["DUOLOGUE_ENGINES"] == "gpu"
    assert "gpu" in settings_of("gpu")["DUOLOGUE_ENGINES"].split(",")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_workers_serve_is_a_line_of_the_settings(overlay: str) -> None:
    [engines] = [
        one for one in programs(overlay)["worker"]["containers"][0]["env"] if one["name"] == "DUOLOGUE_ENGINES"
    ]
    of_settings = engines["valueFrom"]["configMapKeyRef"]
    [settings] = of_kind(overlay, "ConfigMap").values()

    assert of_settings == {"name": settings["metadata"]["name"], "key": "WORKER_ENGINES"}
    assert settings["data"]["WORKER_ENGINES"] == "preview"


@pytest.mark.parametrize("overlay", ["external", "gpu"])
def test_workers_grow_by_what_is_to_be_prepared_for_the_cloud_too(overlay: str) -> None:
    _, trigger = of_kind(overlay, "ScaledObject")["worker"]["spec"]["triggers"]

    assert trigger["metadata"]["valueLocation"] == "engines.cloud.unprepared"
    assert "unprepared" in EngineWork.model_fields


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nobody_speaks_to_anybody_who_is_not_named(overlay: str) -> None:
    policies = of_kind(overlay, "NetworkPolicy")

    assert policies["nobody"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    blocks = [
        peer["ipBlock"]
        for policy in policies.values()
        for rule in policy["spec"].get("egress", [])
        for peer in rule["to"]
        if "ipBlock" in peer
    ]
    assert all("169.254.0.0/16" in block["except"] for block in blocks if block["cidr"] == "0.0.0.0/0")


@pytest.mark.parametrize("overlay", ["external", "gpu"])
def test_what_grows_names_something_that_is_there(overlay: str) -> None:
    grown = [thing["spec"] for thing in of_kind(overlay, "HorizontalPodAutoscaler", "ScaledObject").values()]

    assert {spec["scaleTargetRef"]["name"] for spec in grown} == PROGRAMS[overlay] - {"migrate", "timetable"}
    assert all(spec.get("maxReplicas", spec.get("maxReplicaCount")) > 1 for spec in grown)
    assert not any("replicas" in thing["spec"] for thing in of_kind(overlay, "Deployment").values())


@pytest.mark.parametrize("overlay", ["external", "gpu"])
def test_workers_grow_by_a_number_that_is_always_there(overlay: str) -> None:
    for name, thing in of_kind(overlay, "ScaledObject").items():
        trigger, *_ = thing["spec"]["triggers"]
        engines, engine, field = trigger["metadata"]["valueLocation"].split(".")
        [slots] = [word for word in SERVICES[name]["command"] if word.startswith("--concurrency=")]
        assert (engines, engine in ENGINES, EngineWork.model_fields[field].annotation) == ("engines", True, int)
        assert trigger["metadata"]["targetValue"] in slots, "as many jobs as one of them runs at once"
        port = of_kind(overlay, "ConfigMap").popitem()[1]["data"]["DUOLOGUE_METRICS_PORT"]
        assert trigger["metadata"]["url"].endswith(f":{port}/v1/scaling")
        assert int(port) in [one["port"] for one in of_kind(overlay, "Service")["api"]["spec"]["ports"]]
