"""`./baton` makes its own environment, whole, once, and whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.launch.checkout import Checkout
from tests.processes import until


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Fresh from the repository."""
    return Checkout(tmp_path / "check out")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """One that has been started before."""
    checkout = Checkout(tmp_path_factory.mktemp("made") / "checkout")
    ran(checkout.start("dev"))
    return checkout


def ran(process: subprocess.Popen[str]) -> Any:
    """What the command said about itself."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return json.loads(out)


def refused(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, "")
    return err


def test_the_first_use_makes_the_environment_and_says_so_beside_the_output(checkout: Checkout) -> None:
    process = checkout.start("token", "--user", "you@example.com")
    out, err = process.communicate(timeout=120)

    assert json.loads(out)["installed"] == ["iniconfig"]
    assert json.loads(out)["arguments"] == ["token", "--user", "you@example.com"]
    assert "installing what requirements/local.txt lists" in err


def test_an_extra_is_installed_when_it_is_asked_for_and_stays(checkout: Checkout) -> None:
    """One that there is not is refused, before anything is made."""
    _, err = (unknown := checkout.start("dev", BATON_EXTRAS="more")).communicate(timeout=120)
    assert (unknown.returncode, err) == (2, "baton: BATON_EXTRAS knows only models.\n")
    assert not checkout.venv.exists()

    asked = ran(checkout.start("dev", BATON_EXTRAS="models"))
    later = ran(checkout.start("dev"))

    assert asked["installed"] == later["installed"] == ["iniconfig", "sortedcontainers"]


def test_later_uses_install_nothing(made: Checkout) -> None:
    process = made.start("dev")

    assert process.communicate(timeout=120)[1] == ""


def test_another_lock_is_installed_at_the_next_use(checkout: Checkout) -> None:
    ran(checkout.start())
    checkout.lock("local", "iniconfig", "sortedcontainers")

    assert ran(checkout.start())["installed"] == ["iniconfig", "sortedcontainers"]


def test_only_tests_and_benches_install_the_tools_and_nothing_takes_them_away(checkout: Checkout) -> None:
    assert ran(checkout.start("dev"))["installed"] == ["iniconfig"]
    assert ran(checkout.start("bench", "chat"))["installed"] == ["iniconfig", "sortedcontainers"]

    checkout.lock("test", "sortedcontainers", "iniconfig")

    assert ran(checkout.start("dev"))["installed"] == ["iniconfig", "sortedcontainers"]


def test_two_at_once_install_once(checkout: Checkout) -> None:
    both = [checkout.start(), checkout.start()]
    said = [process.communicate(timeout=120) for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert "".join(err for _, err in said).count("installing") == 1


def test_a_first_use_that_is_killed_is_begun_again(checkout: Checkout) -> None:
    process = checkout.start()
    until((checkout.venv / "pyvenv.cfg").exists)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=120)
    half_made = checkout.venv / "lib" / "half-made"
    half_made.parent.mkdir(exist_ok=True)
    half_made.touch()

    assert ran(checkout.start())["installed"] == ["iniconfig"]
    assert not half_made.exists()


def test_an_environment_whose_python_has_gone_is_made_anew(checkout: Checkout) -> None:
    ran(checkout.start())
    (checkout.venv / "bin" / "python").unlink()

    assert ran(checkout.start())["installed"] == ["iniconfig"]


@pytest.mark.parametrize("home", [None, "", "there-is-none"])
def test_no_home_is_needed(checkout: Checkout, tmp_path: Path, home: str | None) -> None:
    here = tmp_path / "here"
    here.mkdir()

    assert ran(checkout.start(folder=here, HOME=home))["installed"] == ["iniconfig"]
    assert list(here.iterdir()) == []


def test_it_runs_in_its_checkout_wherever_it_is_called_from(made: Checkout, tmp_path: Path) -> None:
    link = tmp_path / "bin" / "baton"
    link.parent.mkdir()
    link.symlink_to(made.launcher)
    for launcher in (made.launcher, link):
        said = subprocess.check_output([launcher, "dev"], cwd=tmp_path, text=True)

        assert json.loads(said)["folder"] == str(made.folder)
        assert json.loads(said)["environment"]["BATON_CWD"] == str(tmp_path)


def test_a_data_folder_is_meant_from_where_the_caller_stands(made: Checkout, tmp_path: Path) -> None:
    relative = ran(made.start(folder=tmp_path, BATON_DATA_DIR="data"))
    absolute = ran(made.start(folder=tmp_path, BATON_DATA_DIR="/data"))

    assert relative["environment"]["BATON_DATA_DIR"] == str(tmp_path / "data")
    assert absolute["environment"]["BATON_DATA_DIR"] == "/data"


def test_the_environment_may_lie_elsewhere(checkout: Checkout, tmp_path: Path) -> None:
    """Where a checkout is seen by two systems, as from a container, each needs its own."""
    ran(checkout.start(folder=tmp_path, BATON_VENV="elsewhere"))

    assert (tmp_path / "elsewhere" / "pyvenv.cfg").exists()
    assert not checkout.venv.exists()


def test_a_folder_with_other_things_is_never_cleared(checkout: Checkout, tmp_path: Path) -> None:
    precious = tmp_path / "photos" / "one.jpg"
    precious.parent.mkdir()
    precious.touch()

    assert "is not an environment" in refused(checkout.start(BATON_VENV=str(precious.parent)))
    assert precious.exists()


def test_variables_that_would_lead_python_astray_do_not(made: Checkout) -> None:
    assert ran(made.start(PYTHONHOME="/nowhere", PYTHONSAFEPATH="1"))["installed"] == ["iniconfig"]


def test_bytecode_is_kept_since_starts_take_long_without(made: Checkout) -> None:
    assert ran(made.start(PYTHONDONTWRITEBYTECODE="1"))["bytecode"]


def test_variables_that_would_lead_pip_astray_do_not(checkout: Checkout, tmp_path: Path) -> None:
    said = ran(checkout.start(PIP_USER="1", PIP_TARGET=str(tmp_path / "target"), PIP_REQUIRE_VIRTUALENV="1"))

    assert said["installed"] == ["iniconfig"]


def test_without_a_python_new_enough_it_says_what_is_needed(checkout: Checkout, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("sh", "dirname", "cmp", "readlink"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    (tools / "python3").write_text("#!/bin/sh\nexit 1\n")  # as Python 3.10 answers
    (tools / "python3").chmod(0o755)

    assert "Python 3.11 or newer is needed" in refused(checkout.start(PATH=str(tools)))


def test_a_lock_that_does_not_fit_its_hashes_is_not_installed(checkout: Checkout) -> None:
    lock = checkout.folder / "requirements" / "local.txt"
    lock.write_text(lock.read_text().replace("sha256:", "sha256:0000"))

    assert "this failed" in refused(checkout.start())
    assert not (checkout.venv / "local.lock").exists()
