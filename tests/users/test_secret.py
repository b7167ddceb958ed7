"""The secret that signs our tokens: given, or made once for everybody."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from pydantic import SecretStr

from auth import load_secret
from settings import Settings, SettingsError


def settings(data_dir: Path, secret: str | None = None) -> Settings:
    return Settings(database_url=None, data_dir=data_dir, jwt_secret=SecretStr(secret) if secret else None)


def test_a_given_secret_is_used_and_nothing_is_written(tmp_path: Path) -> None:
    given = "a secret that came from the environment"
    assert load_secret(settings(tmp_path, given)) == given.encode()
    assert list(tmp_path.iterdir()) == []


def test_without_one_it_is_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    data_dir = tmp_path / "not" / "there yet"
    secret = load_secret(settings(data_dir))
    assert len(secret) >= 32
    assert load_secret(settings(data_dir)) == secret
    assert [path.name for path in data_dir.iterdir()] == ["jwt-secret"]
    assert stat.S_IMODE((data_dir / "jwt-secret").stat().st_mode) == 0o600


def test_every_place_gets_its_own(tmp_path: Path) -> None:
    assert load_secret(settings(tmp_path / "a")) != load_secret(settings(tmp_path / "b"))


def test_all_who_start_at_once_get_the_same(tmp_path: Path) -> None:
    crowd = 16
    gate = Barrier(crowd)

    def start(_: int) -> bytes:
        gate.wait()
        return load_secret(settings(tmp_path))

    with ThreadPoolExecutor(crowd) as pool:
        assert len(set(pool.map(start, range(crowd)))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["jwt-secret"]


def test_a_newline_at_the_end_of_the_file_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "jwt-secret").write_text("x" * 32 + "\n")
    assert load_secret(settings(tmp_path)) == b"x" * 32


@pytest.mark.parametrize("content", ["", "x" * 31])
def test_a_file_that_is_too_short_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "jwt-secret").write_text(content)
    with pytest.raises(SettingsError, match="jwt-secret: must have at least 32 bytes"):
        load_secret(settings(tmp_path))


def test_a_place_that_cannot_hold_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="file/jwt-secret: File exists"):
        load_secret(settings(tmp_path / "file"))
