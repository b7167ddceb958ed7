"""Hints over a real Redis, in the place of Postgres: nothing else changes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from broadcaster import Broadcast

from errors import Unavailable
from events.backend import RedisBackend
from events.hub import Hub, open_hub
from resolvers.services import open_services
from settings import Settings, SettingsError
from tests.events.parts import PATIENCE, healthy_hub
from tests.processes import free_port, until

pytestmark = pytest.mark.anyio
NO_POSTGRES = "postgresql://nobody@127.0.0.1:1/none"


class RedisServer:
    """One that can be killed and started again, at the same address."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self._port}"
        self.process: subprocess.Popen[bytes]
        self.start()

    def start(self) -> None:
        command = ["redis-server", "--port", str(self._port), "--save", "", "--bind", "127.0.0.1"]
        self.process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.DEVNULL)
        until(self._answers)

    def _answers(self) -> bool:
        asked = ["redis-cli", "-p", str(self._port), "ping"]
        return subprocess.run(asked, capture_output=True, check=False).stdout == b"PONG\n"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        assert not os.environ.get("CI"), "CI installs redis-server"
        pytest.skip("needs redis-server")
    server = RedisServer(tmp_path)
    yield server
    server.kill()


def over(redis: RedisServer, **options: float) -> Broadcast:
    return Broadcast(backend=RedisBackend(redis.url, **options))


async def rings(here: Hub, there: Hub) -> None:
    with there.listen("a") as bell:
        here.publish({"a": 1})
        assert await bell.wait(PATIENCE)


async def test_a_topic_published_by_one_process_rings_in_another(redis: RedisServer) -> None:
    async with open_hub(NO_POSTGRES, url=redis.url) as here, healthy_hub(over(redis)) as there:
        await rings(here, there)


async def test_a_redis_that_was_away_is_found_again_and_everybody_looks(redis: RedisServer) -> None:
    """What was published meanwhile is lost: a gap stands for it."""
    times = {"pulse_seconds": 0.05, "pulse_deadline_seconds": 0.2}
    async with healthy_hub(over(redis), **times) as hub:
        with hub.listen("nobody publishes this") as bell:
            redis.kill()
            await hub.becomes(healthy=False)
            redis.start()
            await hub.becomes(healthy=True)
            assert await bell.wait(PATIENCE)
        await rings(hub, hub)


async def test_a_redis_that_has_gone_silent_is_unhealthy_and_heals(redis: RedisServer) -> None:
    """Frozen: connections stay, and nothing comes."""
    times = {"pulse_seconds": 0.05, "pulse_deadline_seconds": 0.2}
    async with healthy_hub(over(redis, deadline_seconds=0.3), **times) as hub:
        redis.process.send_signal(signal.SIGSTOP)
        await hub.becomes(healthy=False)
        redis.process.send_signal(signal.SIGCONT)
        await hub.becomes(healthy=True)
        await rings(hub, hub)


async def test_a_redis_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        async with open_hub(NO_POSTGRES, url="redis://127.0.0.1:1"):
            pytest.fail("it started")


async def test_broadcast_url_is_all_that_it_takes(redis: RedisServer, settings: Settings, dsn: str) -> None:
    """A commit of one process is heard by another, and Postgres carries no hint."""
    other = settings.model_copy(update={"broadcast_url": redis.url})
    async with open_services(other, dsn, "one") as one, open_services(other, dsn, "two") as two:
        with two.hub.listen("news") as bell:
            async with one.db.as_system() as session:
                session.hint("news", 1)
            assert await bell.wait(PATIENCE)


@pytest.mark.parametrize("url", ["kafka://x", "postgres://x", "localhost:6379"])
def test_another_address_is_refused_at_the_start(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROADCAST_URL", url)
    with pytest.raises(SettingsError, match=r"^BROADCAST_URL: "):
        Settings.load()
