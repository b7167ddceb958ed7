"""Where the private Postgres keeps its files: wherever it is told to, without opening anybody's folders."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from db.embedded import binaries
from db.embedded.binaries import Binaries
from db.embedded.owner import Owner
from db.embedded.postgres import EmbeddedPostgres, EmbeddedPostgresError
from tests.embedded import sql


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def closed(folder: Path) -> Path:
    """A folder that only we may enter, as root's home is."""
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    return closed


def test_a_folder_under_one_that_only_we_may_enter_will_do(closed: Path) -> None:
    """For root too, whose server runs as somebody else; and the folder stays as closed as it was."""
    with EmbeddedPostgres(closed / "data") as postgres:
        sql.value(postgres.url(), "create table letters as select 'kept' as text")
    with EmbeddedPostgres(closed / "data") as postgres:
        assert sql.value(postgres.url(), "select text from letters") == "kept"

    assert mode(closed) == 0o700


def test_a_deleted_folder_is_not_remembered(closed: Path) -> None:
    with EmbeddedPostgres(closed / "data") as postgres:
        sql.value(postgres.url(), "create table letters as select 'gone' as text")
    shutil.rmtree(closed / "data")

    with EmbeddedPostgres(closed / "data") as postgres:
        assert sql.value(postgres.url(), "select to_regclass('letters')") is None


def test_programs_under_a_folder_that_only_we_may_enter_will_do(
    closed: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = binaries.find_binaries(folder).folder.parent.parent
    for part in (wheel, wheel.with_name(f"{wheel.name}.libs")):
        if part.exists():
            shutil.copytree(part, closed / part.name, ignore=shutil.ignore_patterns("include"))
    monkeypatch.syspath_prepend(closed)

    with EmbeddedPostgres(folder / "data") as postgres:
        assert sql.answers(postgres.url())

    assert mode(closed) == 0o700


def test_a_path_too_long_for_a_socket_will_do(folder: Path) -> None:
    long = folder / ("long" * 20) / ("longer" * 20)
    with EmbeddedPostgres(long) as postgres:
        url = postgres.url()
        assert sql.answers(url)
        assert mode(Path(url.partition("host=")[2].partition("&")[0])) == 0o700
    with EmbeddedPostgres(long) as postgres:
        assert postgres.url() == url


def test_a_path_of_any_characters_will_do(folder: Path) -> None:
    with EmbeddedPostgres(folder / "Größe & 100% 'x'?#") as postgres:
        assert sql.answers(postgres.url())


def test_a_file_in_its_place_is_refused_in_a_sentence(folder: Path) -> None:
    (folder / "data").write_text("something else")

    with pytest.raises(EmbeddedPostgresError, match="cannot be kept in"):
        EmbeddedPostgres(folder / "data").start()


def test_files_that_postgres_refuses_are_refused_with_its_own_words(folder: Path) -> None:
    with EmbeddedPostgres(folder):
        pass
    (version,) = folder.glob("pg*/data/PG_VERSION")
    version.write_text("9.6\n")

    with pytest.raises(EmbeddedPostgresError, match=r"initialized by PostgreSQL version 9\.6"):
        EmbeddedPostgres(folder).start()


def test_the_address_is_known_only_once_started(folder: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="not started"):
        EmbeddedPostgres(folder).url()


def install(folder: Path, version: str) -> Path:
    """A stand-in for an installed Postgres: it says its version and nothing else."""
    programs = folder / version
    programs.mkdir()
    for name in ("postgres", "initdb"):
        (programs / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        (programs / name).chmod(0o755)
    return programs


def test_where_there_is_no_wheel_the_newest_installed_serves(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = [install(folder, version) for version in ("9.6.24", "17.2", "15.18")]
    monkeypatch.setattr(binaries, "_wheel", lambda: None)
    monkeypatch.setattr(binaries, "_system", lambda: iter(installed))

    assert binaries.find_binaries(folder) == Binaries(installed[1], 17)


def test_where_there_is_none_new_enough_the_user_is_told_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = install(folder, "14.1")
    monkeypatch.setattr(binaries, "_wheel", lambda: None)
    monkeypatch.setattr(binaries, "_system", lambda: iter([old]))

    with pytest.raises(EmbeddedPostgresError, match="set DATABASE_URL"):
        binaries.find_binaries(folder)


def test_files_stay_with_whoever_owns_them(folder: Path) -> None:
    """Root runs the server as the one who made the files, whoever it would choose itself."""
    theirs = folder / "theirs"
    theirs.mkdir()
    if os.geteuid() == 0:
        os.chown(theirs, 4711, 4711)

    assert Owner.of(theirs).uid == theirs.stat().st_uid
