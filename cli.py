"""The `baton` command: each part of the house by itself, or all of it in one process."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Annotated, Any, NoReturn, TypeVar
from zoneinfo import ZoneInfo

import orjson
import typer
import uvloop

import launch
import offline
import workshop
from auth import utc_now
from client.api import Api
from client.chatting import chat as talk
from client.display import show_tasks, shown
from client.documents import TASKS
from client.keyboard import Keyboard
from client.running import EXIT_CODES, start
from client.running import watch as watch_run
from client.socket import Message
from client.task_agent import ask as ask_server
from client.task_agent import understand as understood_by
from db.migrate import newest
from engine.commands.executions import is_time_zone
from engine.commands.task_agent import AgentOutcome
from engine.language.lines import MalformedLine, predictions
from engine.states import Priority
from errors import BatonError
from redaction import learn
from reference import reference
from schema.root import schema as graphql_schema
from scopes import Scope
from settings import Settings, SettingsError
from telemetry import logs

T = TypeVar("T")

_INSTANTS = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]

_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
"What the command does not know is for what it runs."

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
ServerUrl = Annotated[
    str | None, typer.Option("--url", envvar="BATON_URL", help="The server to ask; without it, what is here.")
]
Agent = Annotated[
    str | None, typer.Option(help="The id of the agent, as `agent_…`. The built-in one if left out.")
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
    _run(offline.migrate(_settings()))
    print(f"The database has migration {newest()}.")


@cli.command()
def prune() -> None:
    """Delete what is older than it is to be kept, now. Workers do so by themselves every hour."""
    for name, count in _run(offline.prune(_settings())).items():
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
    print(_run(offline.token(_settings(), user, expires_in, scope or None)))


@cli.command()
def run(
    text: Annotated[str, typer.Argument(help="What the agent should do.")],
    url: Url = None,
    token: Token = None,
    agent: Agent = None,
    priority: Annotated[Priority, typer.Option(case_sensitive=False)] = Priority.MEDIUM,
    as_json: Json = False,
) -> None:
    """Start a run, show it to its end, and ask what it asks. Exit code: 0 completed, 1 failed, 3 cancelled.

    What it asks is read from standard input. With --json it is an event as any other, for a script to answer.
    """

    async def start_and_watch(api: Api) -> Message:
        return await _watch(api, await start(api, text, agentId=agent, priority=priority.name), as_json)

    _finish(_run(_talk(url, token, start_and_watch)), as_json)


@cli.command()
def watch(
    execution: Annotated[str, typer.Argument(help="The id of a run, as `exec_…`.")],
    url: Url = None,
    token: Token = None,
    as_json: Json = False,
) -> None:
    """Show a run from its first step on, live, or as it was. The rest is as with `run`."""
    _finish(_run(_talk(url, token, lambda api: _watch(api, execution, as_json))), as_json)


@cli.command()
def chat(url: Url = None, token: Token = None, agent: Agent = None) -> None:
    """Talk with an agent: a line in, its answer as it is written. Ends with the input (Ctrl-D).

    Where its run asks something before it answers, the next line is the answer to that.
    """

    def show(text: str) -> None:
        print(text, end="", flush=True)

    _run(_talk(url, token, lambda api: talk(api, Keyboard(), agent, show)))


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
    user: Annotated[str, typer.Option(help="Whose tasks, where no server is named.")] = launch.DEVELOPER,
    time_zone: TimeZone = "UTC",
    dry_run: Annotated[bool, typer.Option(help="Say what would be done, and do nothing.")] = False,
    confirm: Annotated[str | None, typer.Option(help="The token of an earlier answer.")] = None,
    url: ServerUrl = None,
    token: Token = None,
) -> None:
    """Ask the task agent. Exit code 0 when it did it, 1 when it could not."""
    if url is not None:
        asking = _talk(url, token, lambda api: ask_server(api, message, time_zone, confirm, dry_run=dry_run))
        done = _run(asking)
        response, outcome, confirm_token = done["response"], done["outcome"], done["confirmToken"]
        whose = ("--url", url)
    else:
        here = _run(offline.ask(_settings(), user, message, time_zone, confirm, dry_run=dry_run))
        response, outcome, confirm_token = here.response, here.outcome, here.confirm_token
        whose = ("--user", user)
    print(response)
    if confirm_token:
        given = (*whose, "--time-zone", time_zone, "--confirm", confirm_token)
        print(shlex.join(("baton", "ask", *given, "--", message)))
    raise typer.Exit(outcome not in {AgentOutcome.DONE, AgentOutcome.PLANNED})


@cli.command()
def understand(
    now: Annotated[
        datetime | None, typer.Option(formats=_INSTANTS, help="What `tomorrow` counts from.")
    ] = None,
    time_zone: TimeZone = "UTC",
    url: ServerUrl = None,
    token: Token = None,
) -> None:
    """Label lines of JSON: reads {"text"} and writes {"text","intent","tool","args"}, each as it comes.

    A server that is named says what it understands, now, with arguments in the words of its API.
    """
    if not is_time_zone(time_zone):
        raise Misuse("Not an IANA time zone, such as Europe/Berlin.")
    if url is not None:
        if now is not None:
            raise Misuse("A server counts from its own clock: leave out --now.")
        _run(_talk(url, token, lambda api: _label_by(api, time_zone)))
        return
    instant = utc_now() if now is None else now if now.tzinfo else now.replace(tzinfo=UTC)
    if not datetime.min.year < instant.year < datetime.max.year:
        raise Misuse("Give a moment in the years 2 to 9998.")
    try:
        for line in predictions(sys.stdin.buffer, instant, ZoneInfo(time_zone)):
            _put(line.encode())
    except MalformedLine as problem:
        raise Misuse(str(problem)) from None


@cli.command()
def schema(
    as_reference: Annotated[
        bool, typer.Option("--reference", help="As a page to read: docs/reference.md.")
    ] = False,
) -> None:
    """Print the GraphQL schema."""
    print(reference() if as_reference else graphql_schema.as_str(), end="" if as_reference else "\n")


@cli.command(context_settings=_PASSED_ON)
def test(context: typer.Context) -> None:
    """All that CI runs: format, lint, types, tests. With arguments: pytest alone, with them."""
    raise typer.Exit(workshop.test(context.args))


@cli.command(context_settings=_PASSED_ON)
def bench(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="What to measure; left out: what there is.")] = None,
) -> None:
    """Measure something, beside a floor in the same run. What follows its name is passed on, also --help."""
    known = workshop.benches()
    if name is None:
        print("\n".join(f"{one:<12} {told}" for one, told in known.items()))
        return
    if name not in known:
        raise Misuse(f"There is no bench {name!r}; there are: {', '.join(known)}.")
    raise typer.Exit(workshop.bench(name, context.args))


async def _talk(url: str | None, token: str | None, work: Callable[[Api], Awaitable[T]]) -> T:
    """Do this with a server: the one that is named, or one of our own that ends with it."""
    if url is not None:
        if not token:
            raise Misuse("A server needs to know who asks: give --token, or set BATON_TOKEN.")
        return await work(Api(url, token))
    async with launch.at_home(_settings(), launch.DEVELOPER) as (address, ours):
        return await work(Api(address, ours))


async def _watch(api: Api, execution: str, as_json: bool) -> Message:
    with shown(as_json=as_json) as display:
        return await watch_run(api, execution, display, None if as_json else Keyboard())


async def _label_by(api: Api, time_zone: str) -> None:
    async for line in understood_by(api, sys.stdin.buffer, time_zone):
        _put(orjson.dumps(line))


def _put(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


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


def _settings(**chosen: object) -> Settings:
    settings = Settings.load()
    learn(settings.secrets())
    logs.set_up(settings.log_format or "console", settings.log_level)
    return settings.model_copy(update={name: value for name, value in chosen.items() if value is not None})


def _run(main: Coroutine[Any, Any, T]) -> T:
    return uvloop.run(main)


class Misuse(Exception):
    """The command was given something that it cannot work with."""


def main() -> None:
    """Run a command; a problem that a person can mend is one sentence and exit code 2."""
    logs.set_up("console", "info")
    try:
        cli(prog_name="baton")
    except (SettingsError, BatonError, Misuse) as problem:
        print(problem, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
