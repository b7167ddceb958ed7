"""Whoever waits for a topic is woken when any process publishes it, whatever happens to the connections."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from contextlib import ExitStack

import pytest
from broadcaster import Broadcast

from errors import Unavailable
from events.bell import Bell
from events.hub import Hub, open_hub
from tests.events.parts import PATIENCE, connection, healthy_hub, kill, postgres, proxy, witness

pytestmark = pytest.mark.anyio

_THOUSAND_HINTS = """
    select pg_notify('baton', 'hints' || chr(10) || '{"a": ' || n || '}') from generate_series(1, 1000) n
"""


async def _all_ring(bells: list[Bell]) -> None:
    async with asyncio.timeout(PATIENCE):
        for bell in bells:
            assert await bell.wait(PATIENCE)


async def test_a_topic_published_by_one_process_rings_in_another(dsn: str) -> None:
    async with open_hub(dsn) as here, healthy_hub(postgres(dsn)) as there:
        with there.listen("a") as a, there.listen("b") as b:
            here.publish({"a": 1})
            assert await a.wait(PATIENCE)
            assert not await b.wait(0)


async def test_a_hub_hears_what_it_publishes(dsn: str) -> None:
    async with healthy_hub(postgres(dsn)) as hub:
        with hub.listen("a") as bell:
            hub.publish({"a": 1})
            assert await bell.wait(PATIENCE)


async def test_all_listeners_of_a_topic_are_rung(dsn: str) -> None:
    async with healthy_hub(postgres(dsn)) as hub:
        with ExitStack() as stack:
            bells = [stack.enter_context(hub.listen("a")) for _ in range(100)]
            hub.publish({"a": 1})
            await _all_ring(bells)


async def test_any_other_backend_can_take_the_place_of_postgres() -> None:
    async with healthy_hub(Broadcast("memory://")) as hub:
        with hub.listen("a") as bell:
            hub.publish({"a": 1})
            assert await bell.wait(PATIENCE)


async def test_every_topic_is_rung_when_the_listening_connection_was_lost(dsn: str) -> None:
    """A hint may have gone by while nobody listened."""
    async with healthy_hub(postgres(dsn)) as hub:
        with ExitStack() as stack:
            bells = [stack.enter_context(hub.listen(f"topic {n}")) for n in range(100)]
            assert await kill(dsn, "baton listen") == 1
            await _all_ring(bells)


async def test_hints_go_on_when_the_publishing_connection_was_lost(dsn: str) -> None:
    async with healthy_hub(postgres(dsn)) as hub:
        with hub.listen("a") as bell:
            for seq in range(5):
                assert await kill(dsn, "baton notify") == 1
                hub.publish({"a": seq})
                assert await bell.wait(PATIENCE)


async def test_many_hints_become_few_messages_with_the_newest_seq(dsn: str) -> None:
    async with open_hub(dsn) as hub, witness(dsn) as other:
        for seq in range(1, 1_001):
            hub.publish({"a": seq, "b": 2_000 - seq})
        hub.publish({"end": 0})
        heard = await other.until("end")
        assert len(heard) <= 2
        assert heard[-1] == 'hints\n{"a": 1000, "b": 1999, "end": 0}'


async def test_thousands_of_topics_are_carried_in_full_messages(dsn: str) -> None:
    topics = [f"{n:032x}" for n in range(3_000)]
    async with healthy_hub(postgres(dsn)) as hub, witness(dsn) as other:
        with ExitStack() as stack:
            bells = [stack.enter_context(hub.listen(topic)) for topic in topics]
            hub.publish(dict.fromkeys(topics, 1))
            await _all_ring(bells)
        assert len(await other.until(topics[-1])) <= len(topics) / 100


async def test_what_is_published_just_before_the_end_still_goes_out(dsn: str) -> None:
    async with witness(dsn) as other:
        async with open_hub(dsn) as hub:
            hub.publish({"last words": 1})
        assert await other.until("last words")


async def test_publishing_to_a_hub_that_has_ended_is_harmless(dsn: str) -> None:
    async with open_hub(dsn) as hub:
        pass
    hub.publish({"a": 1})
    assert not hub.healthy


@pytest.mark.parametrize("noise", ["", "null", "[1]", '{"a": []}', '{"a"', "\u2028", "9" * 5_000])
async def test_messages_that_are_none_are_passed_over(dsn: str, noise: str) -> None:
    async with healthy_hub(postgres(dsn)) as hub, connection(dsn) as stranger:
        with hub.listen("a") as bell:
            await stranger.execute("select pg_notify('baton', $1)", noise)
            await stranger.execute("select pg_notify('baton', 'hints' || chr(10) || $1)", noise)
            hub.publish({"a": 1})
            assert await bell.wait(PATIENCE)


async def test_two_connections_serve_any_number_of_listeners(dsn: str) -> None:
    async with healthy_hub(postgres(dsn)) as hub, connection(dsn) as other:
        with ExitStack() as stack:
            for n in range(2_000):
                stack.enter_context(hub.listen(f"topic {n}"))
            assert (
                await other.fetchval(
                    "select count(*) from pg_stat_activity"
                    " where datname = current_database() and application_name like 'baton %'"
                )
                == 2
            )


async def test_listeners_who_do_not_look_cost_nothing(dsn: str) -> None:
    """What is kept of 20,000 messages for a bell that nobody waits on is one bit."""
    async with healthy_hub(postgres(dsn)) as hub, connection(dsn) as other:

        async def memory_after(rounds: int) -> int:
            with hub.listen("end") as end:
                for _ in range(rounds):
                    await other.execute(_THOUSAND_HINTS)
                hub.publish({"end": 0})
                assert await end.wait(PATIENCE)
            gc.collect()
            return tracemalloc.get_traced_memory()[0]

        with hub.listen("a"):
            tracemalloc.start()
            try:
                before = await memory_after(rounds=1)
                assert await memory_after(rounds=20) - before < 100_000
            finally:
                tracemalloc.stop()


async def test_leaving_forgets_the_topic_and_keeps_the_other_listeners() -> None:
    hub = Hub(Broadcast("memory://"))
    with hub.listen("a") as stays:
        with hub.listen("a") as goes:
            hub.ring_all()
        assert await goes.wait(0)
        assert await stays.wait(0)
        hub.ring_all()
        assert await stays.wait(0)
        assert not await goes.wait(0)
    assert hub._bells == {}


async def test_a_listener_that_is_cancelled_twice_is_forgotten() -> None:
    hub = Hub(Broadcast("memory://"))

    async def listen() -> None:
        with hub.listen("a") as bell:
            await bell.wait(PATIENCE)

    waiting = asyncio.create_task(listen())
    await asyncio.sleep(0)
    assert hub._bells
    waiting.cancel()
    waiting.cancel()
    await asyncio.wait({waiting})
    assert hub._bells == {}


async def test_health_is_what_a_hint_to_itself_has_proved(dsn: str) -> None:
    times = {"pulse_seconds": 0.02, "pulse_deadline_seconds": 0.1}
    async with proxy(dsn) as road, healthy_hub(postgres(road.dsn), **times) as hub:
        assert hub.healthy
        await road.close()
        await hub.becomes(healthy=False)
        await road.open()
        await hub.becomes(healthy=True)


class _Forgetful(Broadcast):
    """A backend that loses messages for a while and never says so."""

    is_losing = False
    lost = ""

    async def publish(self, channel: str, message: str) -> None:
        if self.is_losing:
            self.lost += message
        else:
            await super().publish(channel, message)


async def test_everybody_is_rung_after_a_silence_that_the_backend_did_not_notice() -> None:
    broadcast = _Forgetful("memory://")
    async with healthy_hub(broadcast, pulse_seconds=0.01, pulse_deadline_seconds=0.02) as hub:
        with hub.listen("a") as bell:
            broadcast.is_losing = True
            hub.publish({"a": 1})
            await hub.becomes(healthy=False)
            assert '"a": 1' in broadcast.lost
            broadcast.is_losing = False
            assert await bell.wait(PATIENCE)


async def test_a_hub_without_a_database_does_not_start() -> None:
    with pytest.raises(Unavailable):
        async with open_hub("postgresql://nobody@127.0.0.1:1/nothing"):
            pytest.fail("it started")


async def test_a_hub_that_is_not_started_rings_whom_it_is_told_to() -> None:
    hub = Hub(Broadcast("memory://"))
    with hub.listen("a") as bell:
        hub.ring_all()
        assert await bell.wait(0)
