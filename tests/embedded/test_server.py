"""What the private Postgres is: durable, closed to others, and at home in every language."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.embedded import sql
from tests.embedded.users import House


@pytest.fixture
def url(house: House) -> Iterator[str]:
    with house.here() as postgres:
        yield postgres.url()


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("select lower('É') = 'é'", True),
        ("select 'ÄRGER' ilike '%ärger%'", True),
        ("select upper('ß'), lower('Ω') = 'ω' is true", "ß"),
        ("select 'Straße' ~ '^\\w+$'", True),
        ("show server_encoding", "UTF8"),
        ("show timezone", "UTC"),
    ],
)
def test_it_knows_letters_beyond_ascii(url: str, statement: str, expected: object) -> None:
    assert sql.value(url, statement) == expected


def test_it_searches_by_trigrams_in_every_script(url: str) -> None:
    sql.value(url, "create extension pg_trgm")

    assert sql.value(url, "select similarity('Ärztin anrufen', 'ärztin') > 0.4")
    assert sql.value(url, "select cardinality(show_trgm('日本')) > 0")


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("max_connections", "200"),
        ("listen_addresses", ""),
    ],
)
def test_it_is_durable_and_listens_to_no_network(url: str, setting: str, expected: str) -> None:
    assert sql.value(url, f"show {setting}") == expected


def test_only_its_owner_may_come_near_its_socket(url: str) -> None:
    socket = Path(url.partition("host=")[2].partition("&")[0])

    assert stat.S_IMODE(socket.stat().st_mode) == 0o700


def test_settings_for_other_servers_do_not_concern_it(house: House) -> None:
    user = house.enter(PGPORT="9999", PGDATA="/nowhere", PGHOST="nowhere", LC_ALL="nowhere", LANG="nowhere")

    assert sql.answers(user.url())
    assert user.leave() == ""


def test_another_major_version_leaves_the_files_of_the_first_alone(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    old = house.folder / "pg7" / "data"
    old.mkdir(parents=True)

    with house.here():
        assert "what is in pg7 stays there" in caplog.text

    assert old.exists()
