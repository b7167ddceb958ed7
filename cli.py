"""The `baton` command: each part of the house by itself, or all of it in one process."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar
from zoneinfo import ZoneInfo

import orjson
import typer
import uvloop

import launch
from auth import Tokens, load_secret, utc_now
from client.api import Api
from client.chatting import chat as talk
from client.chatting import lines_of_stdin
from client.display import show_tasks, shown
from client.documents import TASKS
from client.running import EXIT_CODES, start
from client.running import watch as watch_run
from client.socket import Message
from db.connection import Database
from db.home import database
from db.migrate import newest
from engine.executions import is_time_zone
from engine.language.lines import MalformedLine, predictions
from engine.retention import Retention
from engine.states import Priority
from engine.task_agent import AgentOutcome
from errors import BatonError
from redaction import learn
from resolvers.task_agent import Answered, question
from resolvers.task_agent import ask as agent_ask
from resolvers.users import ensure_user
from schema.root import schema as graphql_schema
from scopes import Scope
from settings import Settings, SettingsError
from telemetry import logs

T = TypeVar("T")

_ROOT = Path(__file__).parent
_CHECKS = (
    ("ruff", "format", "--check", "--quiet", "."),
    ("ruff", "check", "--quiet", "."),
    ("basedpyright", "--level", "error"),
)
_INSTANTS = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]
_PYTEST = ("pytest", "-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
"More processes than the two cores of CI: half of the time they wait for others."

cli = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)

Host = Annotated[str | None, typer.Option(help="Address to listen on. [default: BATON_HOST or 127.0.0.1]")]
TimeZone = Annotated[str, typer.Option(help="IANA name; decides what `tomorrow` means.")]
Url = Annotated[
    str | None,
    typer.Option(
        envvar="BATON_URL",
        help="The server to talk to, such as https://baton.example; without it one of our own is started.",
    ),
]
Token = Annotated[str | None, typer.Option(envvar="BATON_TOKEN", help="The access token for that server.")]
Json = Annotated[bool, typer.Option("--json", help="For scripts: JSON, one object a line.")]
Port = Annotated[int | None, typer.Option(help="Port, 0 for any free one. [default: BATON_PORT or 8000]")]


@cli.command()
def dev(host: Host = None, port: Port = None) -> None:
    """Server, worker and database in one go, with GraphiQL and a token to try it."""
    _run(launch.develop(_settings(host=host, port=port)))


@cli.command()
def serve(host: Host = None, port: Port = None) -> None:
    """One API server. Start as many as you like."""
    _run(launch.serve(_settings(host=host, port=port)))


@cli.command()
def worker() -> None:
    """One worker that carries runs. Start as many as you like."""
    _run(launch.work(_settings()))


@cli.command()
def migrate() -> None:
    """Bring the database to the newest migration."""
    _run(_migrate(_settings()))
    print(f"The database has migration {newest()}.")


@cli.command()
def prune() -> None:
    """Delete what is older than it is to be kept, now. Workers do so by themselves every hour."""
    for name, count in _run(_prune(_settings())).items():
        print(f"{count:>10,} {name}")


@cli.command()
def token(
    user: Annotated[str, typer.Option(help="Email address; the user is made where there is none.")],
    expires_in: Annotated[int, typer.Option(min=1, max=31_536_000, help="Seconds.")] = 3_600,
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help="What it is good for; may be given more than once. All if left out."),
    ] = None,
) -> None:
    """Print an access token, and nothing else."""
    print(_run(_token(_settings(), user, expires_in, scope or None)))


@cli.command()
def run(
    text: Annotated[str, typer.Argument(help="What the agent should do.")],
    url: Url = None,
    token: Token = None,
    priority: Annotated[Priority, typer.Option(case_sensitive=False)] = Priority.MEDIUM,
    as_json: Json = False,
) -> None:
    """Start a run and show it to its end. Exit code: 0 completed, 1 failed, 3 cancelled."""

    async def start_and_watch(api: Api) -> Message:
        with shown(as_json=as_json) as display:
            return await watch_run(api, await start(api, text, priority=priority.name), display)

    _finish(_run(_talk(url, token, start_and_watch)), as_json)


@cli.command()
def watch(
    execution: Annotated[str, typer.Argument(help="The id of a run, as `exec_…`.")],
    url: Url = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Show a run from its first step on, live, or as it was. Exit codes as of `run`."""

    async def watch_it(api: Api) -> Message:
        with shown(as_json=as_json) as display:
            return await watch_run(api, execution, display)

    _finish(_run(_talk(url, token, watch_it)), as_json)


@cli.command()
def chat(url: Url = None, token: Token = None) -> None:
    """Talk with the assistant: a line in, its answer as it is written. Ends with the input (Ctrl-D)."""

    def show(text: str) -> None:
        print(text, end="", flush=True)

    _run(_talk(url, token, lambda api: talk(api, lines_of_stdin("> "), show)))


@cli.command()
def tasks(
    url: Url = None,
    token: Token = None,
    every: Annotated[bool, typer.Option("--all", help="Completed ones too.")] = False,
    search: Annotated[str | None, typer.Option(help="Words of the title or the description.")] = None,
    as_json: Json = False,
) -> None:
    """List tasks, newest first, 100 at most."""
    chosen = {"search": search, "completed": None if every else False}
    filters = {name: value for name, value in chosen.items() if value is not None}
    found = _run(_talk(url, token, lambda api: api.ask(TASKS, filter=filters, first=100)))
    show_tasks(found, as_json=as_json)


@cli.command()
def ask(
    message: Annotated[str, typer.Argument(help="What is wanted, in plain words.")],
    user: Annotated[str, typer.Option(help="Whose tasks.")] = launch.DEVELOPER,
    time_zone: TimeZone = "UTC",
    dry_run: Annotated[bool, typer.Option(help="Say what would be done, and do nothing.")] = False,
    confirm: Annotated[str | None, typer.Option(help="The token of an earlier answer.")] = None,
) -> None:
    """Ask the task agent. Exit code 0 when it did it, 1 when it could not."""
    answered = _run(_ask(_settings(), user, message, time_zone, confirm, dry_run))
    print(answered.response)
    if answered.confirm_token:
        given = ("--user", user, "--time-zone", time_zone, "--confirm", answered.confirm_token)
        print(shlex.join(("baton", "ask", *given, "--", message)))
    raise typer.Exit(answered.outcome not in {AgentOutcome.DONE, AgentOutcome.PLANNED})


@cli.command()
def understand(
    now: Annotated[
        datetime | None, typer.Option(formats=_INSTANTS, help="What `tomorrow` counts from.")
    ] = None,
    time_zone: TimeZone = "UTC",
) -> None:
    """Label lines of JSON: reads {"text"} and writes {"text","intent","tool","args"}, each as it comes."""
    if not is_time_zone(time_zone):
        raise Misuse("Not an IANA time zone, such as Europe/Berlin.")
    instant = utc_now() if now is None else now if now.tzinfo else now.replace(tzinfo=UTC)
    if not datetime.min.year < instant.year < datetime.max.year:
        raise Misuse("Give a moment in the years 2 to 9998.")
    try:
        for line in predictions(sys.stdin.buffer, instant, ZoneInfo(time_zone)):
            sys.stdout.buffer.write(f"{line}\n".encode())
            sys.stdout.buffer.flush()
    except MalformedLine as problem:
        raise Misuse(str(problem)) from None


@cli.command()
def schema() -> None:
    """Print the GraphQL schema."""
    print(graphql_schema.as_str())


@cli.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context) -> None:
    """All that CI runs: format, lint, types, tests. With arguments: pytest alone, with them."""
    chosen = context.args
    failed = [] if chosen else [check[0] for check in _CHECKS if _tool(check) != 0]
    code = _tool(("pytest", *chosen) if chosen else _PYTEST)
    failed += _failed_tests() if code else []
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    raise typer.Exit(code or bool(failed))


def _failed_tests() -> list[str]:
    """What pytest last noted; told once more at the end, where a log that was cut short still has it."""
    noted = _ROOT / ".pytest_cache/v/cache/lastfailed"
    return list(json.loads(noted.read_text())) if noted.exists() else []


async def _ask(
    settings: Settings, email: str, message: str, time_zone: str, confirm: str | None, dry_run: bool
) -> Answered:
    tokens = Tokens(settings, load_secret(settings))
    async with _database(settings) as db:
        user = await ensure_user(db, email)
        asked = question(message, utc_now(), time_zone, confirm, dry_run)
        return await db.transact(user.id, lambda session: agent_ask(session, tokens, user.id, asked))


async def _migrate(settings: Settings) -> None:
    async with database(settings, migrated=True):
        pass


async def _prune(settings: Settings) -> dict[str, int]:
    async with _database(settings) as db:
        return await Retention.of(settings).prune(db)


async def _token(settings: Settings, email: str, seconds: int, scopes: list[Scope] | None) -> str:
    async with _database(settings) as db:
        user = await ensure_user(db, email)
    tokens = Tokens(settings, load_secret(settings))
    return tokens.issue(user.id, seconds=seconds, scopes=scopes)[0]


async def _talk(url: str | None, token: str | None, work: Callable[[Api], Awaitable[T]]) -> T:
    """Do this with a server: the one that is named, or one of our own that ends with it."""
    if url is not None:
        if not token:
            raise Misuse("A server needs to know who asks: give --token, or set BATON_TOKEN.")
        return await work(Api(url, token))
    async with launch.at_home(_settings(), launch.DEVELOPER) as (address, ours):
        return await work(Api(address, ours))


def _finish(ended: Message, as_json: bool) -> NoReturn:
    """The last word about a run, and the exit code that tells it to scripts."""
    if as_json:
        print(orjson.dumps(ended).decode())
    elif ended["status"] == "COMPLETED":
        print(ended["result"])
    else:
        reason = str(ended["endReason"]).lower().replace("_", " ")
        print(ended["error"] or f"The run ended: {reason}.", file=sys.stderr)
    raise typer.Exit(EXIT_CODES[ended["status"]])


@asynccontextmanager
async def _database(settings: Settings) -> AsyncGenerator[Database, None]:
    async with database(settings) as dsn:
        db = Database(dsn, size=1, name="baton cli")
        await db.open()
        try:
            yield db
        finally:
            await db.close()


def _settings(**chosen: object) -> Settings:
    settings = Settings.load()
    learn(settings.secrets())
    logs.set_up(settings.log_format or "console", settings.log_level)
    return settings.model_copy(update={name: value for name, value in chosen.items() if value is not None})


def _tool(command: Sequence[str]) -> int:
    """Runs one of the tools that stand in our environment beside this Python."""
    program = Path(sys.executable).parent / command[0]
    return subprocess.run([program, *command[1:]], check=False, cwd=_ROOT).returncode  # noqa: S603


def _run(main: Coroutine[Any, Any, T]) -> T:
    return uvloop.run(main)


class Misuse(Exception):
    """The command was given something that it cannot work with."""


def main() -> None:
    """Run a command; a problem that a person can mend is one sentence and exit code 2."""
    logs.set_up("console", "info")
    try:
        cli()
    except (SettingsError, BatonError, Misuse) as problem:
        print(problem, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
