"""The image and its composition: the same commands run with only the files and packages that they get."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from settings import Settings
from tests.launch.image import Dockerfile, allowed
from tests.processes import ROOT, SECRET, free_port, until

UV = Path(sys.executable).parent / "uv"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the image's would have."""
    folder = tmp_path_factory.mktemp("image") / "app"
    folder.mkdir()
    Dockerfile().lay_out(folder)
    return folder


@pytest.fixture(scope="module")
def python(app: Path) -> Path:
    """A Python with the server's packages alone."""
    venv = app.with_name("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    install = [UV, "pip", "install", "--quiet", "--python", venv / "bin" / "python", "--require-hashes"]
    subprocess.run([*install, "--requirement", ROOT / "requirements" / "server.txt"], check=True)
    return venv / "bin" / "python"


@pytest.fixture
def environment(python: Path) -> dict[str, str]:
    """What Dockerfile sets, and nothing of ours."""
    settings = dict(re.findall(r"(\w+)=(\S+)", Dockerfile().value("ENV")))
    del settings["PYTHONDONTWRITEBYTECODE"]  # the image has all bytecode when it starts; here it is made
    return {**settings, "PATH": f"{python.parent}:{os.environ['PATH']}"}


@pytest.fixture(scope="module")
def composition() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


def test_everything_that_is_copied_exists_and_is_sent_to_the_engine() -> None:
    dockerfile = Dockerfile()
    copied = [source for copy in dockerfile.copies(dockerfile.lines) for source in copy.sources]

    assert copied
    for source in copied:
        assert (ROOT / source.replace("${LOCK}", "server")).exists(), source
        assert any(source == path or source.startswith(f"{path}/") for path in allowed()), source


def test_nothing_is_sent_to_the_engine_in_vain() -> None:
    dockerfile = Dockerfile()
    copied = [source for copy in dockerfile.copies(dockerfile.lines) for source in copy.sources]

    assert [path for path in allowed() if not any(source.startswith(path) for source in copied)] == []


def test_the_image_runs_as_nobody_in_particular() -> None:
    user, group = Dockerfile().value("USER").split(":")

    assert int(user) > 0
    assert int(group) > 0


def test_the_application_can_be_loaded_from_what_is_copied(app: Path, environment: dict[str, str]) -> None:
    """Also as `uvicorn app:app` does."""
    for command in (["python", "-c", "import app; app.app"], ["python", "-m", "cli", "--help"]):
        subprocess.run(command, cwd=app, env=environment, check=True, capture_output=True)


def test_the_image_serves_and_its_health_check_tells(
    app: Path, environment: dict[str, str], dsn: str
) -> None:
    environment |= {
        "DATABASE_URL": dsn,
        "BATON_JWT_SECRET": SECRET,
        "BATON_PORT": str(free_port()),
    }

    def is_healthy() -> bool:
        command = Dockerfile().health_command()
        return subprocess.run(command, cwd=app, env=environment, capture_output=True).returncode == 0

    assert not is_healthy()
    with subprocess.Popen(Dockerfile().command(), cwd=app, env=environment) as server:
        try:
            until(is_healthy)
        finally:
            server.terminate()
    assert server.returncode == 0


@pytest.fixture
def ours(composition: dict[str, Any]) -> dict[str, Any]:
    """The services that run our image."""
    return {name: service for name, service in composition["services"].items() if "build" in service}


def test_every_service_runs_a_command_that_there_is(
    ours: dict[str, Any], app: Path, environment: dict[str, str]
) -> None:
    assert {*ours} == {"migrate", "api", "worker"}
    for service in ours.values():
        command = [*service["command"], "--help"]
        subprocess.run(command, cwd=app, env=environment, check=True, capture_output=True)


def test_every_service_gets_settings_that_there_are(ours: dict[str, Any]) -> None:
    known = {f"BATON_{name.upper()}" for name in Settings.model_fields} | {"DATABASE_URL"}

    for service in ours.values():
        assert {*service["environment"]} <= known


def test_servers_and_workers_come_in_twos(ours: dict[str, Any]) -> None:
    assert ours["api"]["deploy"]["replicas"] == ours["worker"]["deploy"]["replicas"] == 2


def test_nobody_waits_for_what_cannot_come(composition: dict[str, Any]) -> None:
    """Who is waited for to be healthy has a check; who is waited for to be done ends."""
    services = composition["services"]
    waits = [
        (name, wait["condition"])
        for service in services.values()
        for name, wait in service.get("depends_on", {}).items()
    ]

    assert waits
    for name, condition in waits:
        if condition == "service_healthy":
            assert "test" in services[name]["healthcheck"]
        else:
            assert condition == "service_completed_successfully"
            assert services[name]["restart"] == "no"


def test_no_secret_stands_in_the_files(composition: dict[str, Any]) -> None:
    """They come from whoever starts it; without one, it says so."""
    text = (ROOT / "compose.yaml").read_text()

    for secret in ("BATON_JWT_SECRET", "POSTGRES_PASSWORD"):
        assert f"${{{secret}:?" in text
    assert "SECRET" not in (ROOT / "Dockerfile").read_text()
    assert composition["services"]["postgres"].get("ports") is None
