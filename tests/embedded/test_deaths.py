"""Anything may be killed at any moment: what was committed stays, and nothing keeps running in the end."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import psutil
import pytest

from db.embedded.owner import Owner
from tests.embedded import sql
from tests.embedded.users import House, kill
from tests.processes import until


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_a_user_who_dies_alone_takes_the_server_along(house: House, number: int) -> None:
    user = house.enter()
    user.url()

    user.send(number)

    until(house.is_empty)


def test_a_user_who_is_killed_leaves_the_server_to_the_others(house: House) -> None:
    first = house.enter()
    url = first.url()
    second = house.enter()
    second.url()

    first.kill()

    assert sql.answers(url)
    second.leave()
    assert house.is_empty()


def test_a_killed_server_is_started_again_under_its_users(house: House) -> None:
    user = house.enter()
    url = user.url()
    sql.value(url, "create table letters as select 'kept' as text")
    for _ in range(5):
        kill(house.servers())

        until(lambda: sql.answers(url))

    assert sql.value(url, "select text from letters") == "kept"


def test_a_server_whose_supervisor_was_killed_gets_a_new_one_with_the_next_user(house: House) -> None:
    user = house.enter()
    url = user.url()
    kill(house.supervisors())
    assert sql.answers(url)

    following = house.enter()

    assert sql.answers(following.url())
    assert len(house.servers()) == len(house.supervisors()) == 1
    user.leave()
    following.leave()
    assert house.is_empty()


def test_a_server_that_outlived_everybody_is_taken_over(house: House) -> None:
    user = house.enter()
    url = user.url()
    sql.value(url, "create table letters as select 'kept' as text")
    kill(house.supervisors())
    user.kill()
    assert sql.answers(url)

    following = house.enter()

    assert sql.value(following.url(), "select text from letters") == "kept"
    following.leave()
    assert house.is_empty()


def test_all_killed_at_once_come_back_with_what_was_committed(house: House) -> None:
    user = house.enter()
    sql.value(user.url(), "create table letters as select 'kept' as text")
    kill([*house.everything(), psutil.Process(user.pid)])

    following = house.enter()

    assert sql.value(following.url(), "select text from letters") == "kept"


def test_a_first_start_that_is_killed_half_way_is_begun_again(house: House) -> None:
    user = house.enter()
    until(lambda: any(house.folder.glob("pg*/draft-*/base")))
    kill([*house.everything(), psutil.Process(user.pid)])
    assert not house.data.exists()

    following = house.enter()

    assert sql.answers(following.url())
    assert not any(house.root.glob("draft-*"))


def test_a_user_killed_while_the_server_starts_leaves_nothing(house: House) -> None:
    user = house.enter()
    until(lambda: any(house.folder.glob("pg*/draft-*")))

    user.kill()

    until(house.is_empty)


def test_sigterm_ends_the_supervisor_and_the_server(house: House) -> None:
    """As at the machine's shutdown, when nobody asks the users first."""
    user = house.enter()
    user.url()

    for supervisor in house.supervisors():
        supervisor.terminate()

    until(house.is_empty)


@pytest.fixture
def stranger(house: House) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the server's user that has nothing to do with it."""
    log = house.folder.with_name("log")
    with Owner.of_new().launch("sleep", "600", log=log) as process:
        yield process
        process.kill()


def test_a_number_that_is_another_process_now_is_not_taken_for_the_server(
    house: House, stranger: subprocess.Popen[bytes]
) -> None:
    _die_as(house, stranger.pid)

    assert sql.answers(house.enter().url())
    assert stranger.poll() is None


def test_a_zombie_is_not_taken_for_the_server(house: House, stranger: subprocess.Popen[bytes]) -> None:
    os.kill(stranger.pid, signal.SIGKILL)
    until(lambda: psutil.Process(stranger.pid).status() == psutil.STATUS_ZOMBIE)
    _die_as(house, stranger.pid)

    assert sql.answers(house.enter().url())


def _die_as(house: House, pid: int) -> None:
    """All are killed, and the server's number, which it left in its files, is now that of another process."""
    user = house.enter()
    user.url()
    kill([*house.everything(), psutil.Process(user.pid)])
    for left in (house.data / "postmaster.pid", house.root / "run" / ".s.PGSQL.5432.lock"):
        _, _, others = left.read_text().partition("\n")
        left.write_text(f"{pid}\n{others}")
