"""Secrets stay where they are: a house full of canaries, and every log and answer looked through."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx2
import pytest

from redaction import Redacting, redact
from settings import Settings
from tests.postgres import Cluster
from tests.processes import House, open_house

pytestmark = pytest.mark.anyio

JWT_SECRET = "canary-of-the-jwt-secret-0123456789abcdef"
DSN_PASSWORD = "canary-of-the-database"
PASSWORD = "canary of a password 1!"
SIGN = """
mutation ($e: String!, $p: String!) {
  signUp(input: {email: $e, password: $p}) {
    ... on SignInSuccess { session { accessToken refreshToken } }
  }
}"""
IN = "mutation ($e: String!, $p: String!) { signIn(input: {email: $e, password: $p}) { __typename } }"
REFRESH = """
mutation ($t: String!) {
  refreshSession(input: {refreshToken: $t}) { ... on SignInSuccess { session { accessToken refreshToken } } }
}"""


@pytest.fixture
def canaries(cluster: Cluster, tmp_path: Path) -> Iterator[House]:
    """A server and a worker whose every secret is a canary."""
    with cluster.database() as dsn:
        scheme, _, rest = dsn.partition("://")
        user, at, place = rest.partition("@")
        address = f"{scheme}://{user.partition(':')[0]}:{DSN_PASSWORD}@{place}" if at else dsn
        settings = {"BATON_JWT_SECRET": JWT_SECRET, "DATABASE_URL": address}
        with open_house(dsn, tmp_path, servers=1, workers=1, **settings) as house:
            yield house


async def test_no_secret_is_in_any_log_or_answer(canaries: House) -> None:
    """After sign-ups, refused tokens, broken requests, a lost database and a crash."""
    secrets = [JWT_SECRET, DSN_PASSWORD, PASSWORD]
    answers: list[str] = []
    async with canaries.http() as http:

        async def ask(document: str, token: str | None = None, **variables: str) -> httpx2.Response:
            headers = {"authorization": f"Bearer {token}"} if token else {}
            body = {"query": document, "variables": variables}
            return await http.post("/graphql", json=body, headers=headers)

        session = (await ask(SIGN, e="canary@example.com", p=PASSWORD)).json()["data"]["signUp"]["session"]
        renewed = (await ask(REFRESH, t=session["refreshToken"])).json()["data"]["refreshSession"]["session"]
        secrets += [*session.values(), *renewed.values()]
        token = renewed["accessToken"]

        answers += [(await ask(IN, e="canary@example.com", p=PASSWORD)).text]
        answers += [(await ask(IN, e="nobody@example.com", p=PASSWORD)).text]
        answers += [(await ask(SIGN, e="canary@example.com", p=PASSWORD)).text]
        answers += [(await ask(REFRESH, t=session["refreshToken"])).text]
        answers += [(await ask("{ viewer { id } }", token[:-4] + "AAAA")).text]
        answers += [(await ask("{ viewer { id email } rateLimit { limit } }", token)).text]
        answers += [(await ask("{ nothing }", token)).text]
        for headers in ({"authorization": token}, {"authorization": f"Basic {token}"}):
            answers.append((await http.post("/graphql", json={"query": "{"}, headers=headers)).text)
        await _cut(canaries)
        answers += [(await ask("{ tasks { totalCount } }", token)).text for _ in range(3)]
        answers += [(await http.get(path)).text for path in ("/health", "/health/ready")]
    broken = canaries.start("worker")
    broken.kill()
    failing = House(canaries.dsn, canaries._folder, canaries._stack, DATABASE_URL=_nowhere())
    away = failing.start("serve", "--port", "0")
    assert away.wait() != 0

    told = "\n".join([*answers, *(log.read_text() for log in canaries._folder.glob("*.log"))])
    assert len(answers) > 10
    assert "database" in told, "the cut was noticed"
    for secret in secrets:
        assert secret not in told


async def _cut(house: House) -> None:
    connection = await asyncpg.connect(house.dsn)
    await connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    await connection.close()


def _nowhere() -> str:
    return f"postgresql://canary:{DSN_PASSWORD}@127.0.0.1:1/none"


def test_a_setting_that_is_secret_is_known_by_its_type() -> None:
    """A new one is one more `SecretStr`."""
    settings = Settings(database_url="postgresql://a:p%40ss-word@h/d", jwt_secret="s" * 32)
    assert {"s" * 32, "p@ss-word", "p%40ss-word"} <= set(settings.secrets())
    assert "s" * 32 not in repr(settings)


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("GET / Authorization: Bearer abc.def-ghi", "abc.def-ghi"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl!", "eyJzdWIiOiIxIn0"),
        ("cannot reach postgresql://baton:hunter22@db/baton", "hunter22"),
        ("connect(host='db' password=hunter22)", "hunter22"),
        ("""{"password": "hunter 22", "email": "a@b.c"}""", "hunter 22"),
        ("refreshToken: 'AbCd_-1234'", "AbCd_-1234"),
        ("x-api-key sk-abcdefghijklmnopqrstuvwx", "sk-abcdefghijklmnopqrstuvwx"),
    ],
)
def test_what_looks_like_a_secret_is_not_written(line: str, secret: str) -> None:
    record = logging.LogRecord("baton", logging.ERROR, "", 0, "%s", (line,), None)
    written = Redacting(logging.Formatter("%(levelname)s %(message)s")).format(record)
    assert written.startswith("ERROR ")
    assert secret not in written
    assert "[secret]" in written


def test_a_traceback_is_written_without_secrets() -> None:
    try:
        raise ValueError("no such token: Bearer abc.def-ghi")
    except ValueError as error:
        record = logging.LogRecord("baton", logging.ERROR, "", 0, "failed", (), (type(error), error, None))
    written = Redacting(logging.Formatter()).format(record)
    assert "ValueError" in written
    assert "abc.def" not in written


@pytest.mark.parametrize(
    "line", ["A run was picked up after 12 ms.", "the tokens are spent", "GET /health 200"]
)
def test_plain_words_stay_as_they_are(line: str) -> None:
    assert redact(line) == line
