"""Settings are typed, and every problem is told at the start."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from settings import Settings, SettingsError
from tests.processes import baton

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("BATON_") or name == "DATABASE_URL":
            monkeypatch.delenv(name)


def problems(monkeypatch: pytest.MonkeyPatch, **environment: str) -> list[str]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        Settings.load()
    return str(refused.value).splitlines()


def test_without_any_there_are_defaults() -> None:
    """A newcomer sets nothing."""
    settings = Settings.load()

    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8000, Path(".baton"))
    assert settings.database_url is None


def test_every_problem_is_told_with_the_variables_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only the first."""
    told = problems(
        monkeypatch,
        BATON_PORT="many",
        BATON_LEASE_SECONDS="0",
        BATON_JWT_SECRET="short",
        BATON_JWKS_URL="https://issuer.example/jwks",
        DATABASE_URL="mysql://localhost/x",
        BATON_TYPO="x",
    )

    assert [line.partition(":")[0] for line in told] == [
        "BATON_TYPO",
        "DATABASE_URL",
        "BATON_PORT",
        "BATON_JWT_SECRET",
        "BATON_JWKS_ISSUER",
        "BATON_JWKS_AUDIENCE",
        "BATON_LEASE_SECONDS",
    ]


def test_a_short_secret_is_refused_with_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes, not characters."""
    told = problems(monkeypatch, BATON_JWT_SECRET="short")

    assert told == ["BATON_JWT_SECRET: must have at least 32 bytes"]


def test_keys_of_an_issuer_need_its_name_and_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is told, and nothing else."""
    told = problems(
        monkeypatch, BATON_JWKS_URL="https://issuer.example/jwks", BATON_JWKS_ISSUER="https://issuer.example"
    )

    assert told == ["BATON_JWKS_AUDIENCE: must be set, since BATON_JWKS_URL is"]


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither printed nor told in a problem."""
    monkeypatch.setenv("BATON_JWT_SECRET", "canary" * 6)
    assert "canary" not in repr(Settings.load())

    monkeypatch.setenv("BATON_JWT_SECRET", "canary")
    with pytest.raises(SettingsError) as refused:
        Settings.load()
    assert "canary" not in str(refused.value)


def test_origins_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an operator writes them."""
    monkeypatch.setenv("BATON_ALLOWED_ORIGINS", "https://a.example, https://b.example,")

    assert Settings.load().allowed_origins == ["https://a.example", "https://b.example"]


@pytest.mark.parametrize("url", ["postgres://h/d", "postgresql://h/d", "postgresql+asyncpg://h/d"])
def test_a_database_is_named_as_libraries_name_it(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """The driver in an address is none of its business."""
    monkeypatch.setenv("DATABASE_URL", url)

    assert Settings.load().database_url == "postgresql://h/d"


def test_a_command_with_bad_settings_ends_with_the_list_and_no_traceback() -> None:
    """Exit code 2."""
    done = baton("serve", BATON_PORT="x", BATON_POOL_SIZE="0")

    assert done.returncode == 2
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["BATON_PORT", "BATON_POOL_SIZE"]
