"""The manifests say what the code says: names of settings, ports, probes, and how long a farewell takes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from app import Server
from db.driver import CLOSE_SECONDS
from edge.connections import _CLEAN_UP_SECONDS
from engine.worker.worker import _LAST_WORD_SECONDS
from events.notifier import _LAST_WORDS_SECONDS
from launch import ApiServer
from settings import Settings
from tests.launch.image import Dockerfile
from tests.processes import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
Manifest = dict[str, Any]


def manifests() -> dict[tuple[str, str], Manifest]:
    """All that kustomization.yaml lists, by kind and name."""
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    texts = [(FOLDER / name).read_text() for name in listed]
    found = [one for text in texts for one in yaml.safe_load_all(text)]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


@pytest.fixture(scope="module")
def all_() -> dict[tuple[str, str], Manifest]:
    return manifests()


def container(of: Manifest) -> Manifest:
    (one,) = of["spec"]["template"]["spec"]["containers"]
    return one


def settings(all_: dict[tuple[str, str], Manifest]) -> Settings:
    """What a pod is given, with a secret beside it."""
    given = all_["ConfigMap", "baton"]["data"]
    fields = {name.removeprefix("BATON_").lower(): value for name, value in given.items()}
    assert fields.keys() <= Settings.model_fields.keys(), "a name that is no setting"
    return Settings.model_validate({**fields, "DATABASE_URL": "postgresql://a@b/c", "jwt_secret": "s" * 32})


def test_every_file_is_listed_or_is_for_another_tool() -> None:
    """What is not applied with the rest says for whom it is."""
    listed = set(yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"])
    others = {path.name for path in FOLDER.glob("*.yaml")} - listed - {"kustomization.yaml"}

    assert others == {"prometheus-adapter.yaml"}


def test_settings_are_settings_of_ours_and_valid(all_: dict[tuple[str, str], Manifest]) -> None:
    """All pods get the same; figures are served at the port that is scraped."""
    found = settings(all_)

    for kind, name in (
        ("Deployment", "baton-server"),
        ("Deployment", "baton-worker"),
        ("Job", "baton-migrate"),
    ):
        sources = [next(iter(one.values()))["name"] for one in container(all_[kind, name])["envFrom"]]
        assert sources == ["baton", "baton"]
    for name in ("baton-server", "baton-worker"):
        template = all_["Deployment", name]["spec"]["template"]
        assert template["metadata"]["annotations"]["prometheus.io/port"] == str(found.metrics_port)


def test_commands_are_those_of_the_image(all_: dict[tuple[str, str], Manifest]) -> None:
    """`python -m cli …`, as the image's own."""
    assert container(all_["Deployment", "baton-server"])["command"] == Dockerfile().command()
    assert container(all_["Deployment", "baton-worker"])["command"] == ["python", "-m", "cli", "worker"]
    assert container(all_["Job", "baton-migrate"])["command"] == ["python", "-m", "cli", "migrate"]


def test_probes_ask_for_paths_that_are_there(all_: dict[tuple[str, str], Manifest]) -> None:
    """The server at the API's port, the worker at that of the figures."""
    found = settings(all_)
    server, worker = (container(all_["Deployment", name]) for name in ("baton-server", "baton-worker"))
    ports = {"http": found.port, "metrics": found.metrics_port}
    paths = {getattr(route, "path", "") for route in Server(found).application().routes}
    for one in (server, worker):
        for port in one["ports"]:
            assert ports[port["name"]] == port["containerPort"]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            asked = one[probe]["httpGet"]
            assert asked["path"] in paths
            assert asked["port"] == ("http" if one is server else "metrics")
        assert one["livenessProbe"]["httpGet"]["path"] == "/health/live", "no database decides on a restart"


def test_there_is_time_to_say_goodbye(all_: dict[tuple[str, str], Manifest]) -> None:
    """Kubernetes kills no sooner than the code is through with its farewells."""
    found = settings(all_)
    server, worker = (
        all_["Deployment", name]["spec"]["template"]["spec"] for name in ("baton-server", "baton-worker")
    )
    rests = _LAST_WORDS_SECONDS + CLOSE_SECONDS
    (_, before_stop) = server["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    requests = ApiServer(found).config.timeout_graceful_shutdown
    assert requests is not None

    farewell = float(before_stop) + found.drain_seconds + _CLEAN_UP_SECONDS + requests + rests
    assert farewell < server["terminationGracePeriodSeconds"]
    assert found.drain_seconds + _LAST_WORD_SECONDS + rests < worker["terminationGracePeriodSeconds"]


def test_workers_are_scaled_by_the_age_of_the_queue(all_: dict[tuple[str, str], Manifest]) -> None:
    """The adapter makes the metric that the autoscaler asks for, of a figure that processes show."""
    from telemetry import metrics

    scaler = all_["HorizontalPodAutoscaler", "baton-worker"]["spec"]
    (rule,) = yaml.safe_load((FOLDER / "prometheus-adapter.yaml").read_text())["rules"]["external"]
    name = scaler["metrics"][0]["external"]["metric"]["name"]

    assert scaler["scaleTargetRef"]["name"] == "baton-worker"
    assert rule["name"]["as"] == name
    assert f'"{name}"' in rule["seriesQuery"]
    assert f"\n{name} ".encode() in metrics.exposition()
    assert "replicas" not in all_["Deployment", "baton-worker"]["spec"], "each deploy would undo the scaling"


def test_everything_selects_what_is_there(all_: dict[tuple[str, str], Manifest]) -> None:
    """The service, the budgets for disruptions and the deployments mean the same pods."""
    pods = [
        one["spec"]["template"]["metadata"]["labels"]
        for (kind, _), one in all_.items()
        if kind == "Deployment"
    ]
    for (kind, _), one in all_.items():
        if kind in {"PodDisruptionBudget", "Deployment"}:
            assert one["spec"]["selector"]["matchLabels"] in pods
        if kind == "Service":
            assert one["spec"]["selector"] in pods
    backend = all_["Ingress", "baton"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert ("Service", backend["name"]) in all_


def test_the_ingress_lets_streams_last(all_: dict[tuple[str, str], Manifest]) -> None:
    """Its time-outs are longer than the silence between two heartbeats, and it buffers nothing."""
    notes = all_["Ingress", "baton"]["metadata"]["annotations"]
    for name in ("proxy-read-timeout", "proxy-send-timeout"):
        assert float(notes[f"nginx.ingress.kubernetes.io/{name}"]) > 2 * settings(all_).heartbeat_seconds
    assert notes["nginx.ingress.kubernetes.io/proxy-buffering"] == "off"
