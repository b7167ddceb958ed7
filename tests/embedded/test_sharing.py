"""Several processes use one private Postgres; the last one to leave stops it."""

from __future__ import annotations

import signal

from tests.embedded import sql
from tests.embedded.users import House


def test_one_user_starts_it_and_leaves_nothing_running(house: House) -> None:
    user = house.enter()
    assert sql.answers(user.url())

    assert user.leave() == ""

    assert house.is_empty()


def test_what_was_written_is_there_at_the_next_start(house: House) -> None:
    first = house.enter()
    sql.value(first.url(), "create table letters as select 'kept' as text")
    first.leave()

    second = house.enter()

    assert sql.value(second.url(), "select text from letters") == "kept"


def test_it_stays_until_the_last_user_has_left(house: House) -> None:
    first = house.enter()
    url = first.url()
    second = house.enter()
    assert second.url() == url

    first.leave()
    assert sql.answers(url)

    second.leave()
    assert house.is_empty()


def test_six_who_arrive_at_once_get_one_server(house: House) -> None:
    users = [house.enter() for _ in range(6)]

    assert all(sql.answers(user.url()) for user in users)
    assert len(house.servers()) == len(house.supervisors()) == 1

    assert [user.leave() for user in users] == [""] * 6
    assert house.is_empty()


def test_whoever_arrives_while_the_last_one_leaves_gets_a_server(house: House) -> None:
    user = house.enter()
    user.url()
    for _ in range(5):
        following = house.enter()
        user.leave()
        assert sql.answers(following.url())
        user = following


def test_ctrl_c_in_one_terminal_leaves_the_server_to_the_others(house: House) -> None:
    first = house.enter()
    url = first.url()
    second = house.enter()
    second.url()

    first.send(signal.SIGINT)

    assert sql.answers(url)
    second.leave()
    assert house.is_empty()


def test_one_process_may_use_it_twice(house: House) -> None:
    """Each use is counted by itself."""
    from_outside = house.enter()
    url = from_outside.url()
    with house.here():
        with house.here():
            from_outside.leave()
        assert sql.answers(url)
    assert house.is_empty()
