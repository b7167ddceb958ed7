"""A run on a terminal: live where there is one, a line for each thing that happened where there is none."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

import orjson
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from client.run import Run, told
from client.socket import Message

_MARKS = {"COMPLETED": ("✓", "green"), "FAILED": ("✗", "red"), "UNKNOWN": ("?", "yellow")}
_SHADES = {"COMPLETED": "green", "FAILED": "red", "CANCELLED": "yellow", "AWAITING_INPUT": "yellow"}


class Display(Protocol):
    """Where a run is shown."""

    def show(self, run: Run, events: list[Message]) -> None:
        """The run as it stands, and what brought it there."""
        ...

    def aside(self) -> AbstractContextManager[object]:
        """Draw nothing for as long as somebody is asked."""
        return nullcontext()


class JsonLines(Display):
    """Every event as a line of JSON on standard output."""

    def show(self, run: Run, events: list[Message]) -> None:
        """The events alone."""
        for event in events:
            sys.stdout.buffer.write(orjson.dumps({"executionId": run.id, **event}) + b"\n")
        sys.stdout.buffer.flush()


class Lines(Display):
    """A line for each step that has ended and for what a person is asked, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def show(self, run: Run, events: list[Message]) -> None:
        """The steps that these events ended, and the questions that they asked."""
        del run
        for event in events:
            if event["__typename"] == "InterruptOpened":
                self._console.print(_question(event["interrupt"]["prompt"]), soft_wrap=True)
            if event["__typename"] == "StepFinished" and event["step"]["kind"] != "FINAL_ANSWER":
                self._console.print(_line(event["step"]), soft_wrap=True)


class Picture(Display):
    """Steps, progress and status, drawn anew with each frame."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, run: Run, events: list[Message]) -> None:
        """The run as it stands."""
        del events
        self._live.update(_picture(run))

    @contextmanager
    def aside(self) -> Generator[None]:
        """Leave the terminal to whoever asks."""
        self._live.stop()
        try:
            yield
        finally:
            self._live.start()


@contextmanager
def shown(*, as_json: bool) -> Generator[Display]:
    """What fits where standard output goes to."""
    console = Console(highlight=False)
    if as_json:
        yield JsonLines()
    elif not console.is_terminal:
        yield Lines(console)
    else:
        with Live(console=console, refresh_per_second=12) as live:
            yield Picture(live)


def show_tasks(page: Message, *, as_json: bool) -> None:
    """A page of tasks: a table, or a line of JSON for each."""
    if as_json:
        for task in page["nodes"]:
            sys.stdout.buffer.write(orjson.dumps(task) + b"\n")
        return
    table = Table(box=None, header_style="dim")
    for heading in ("#", "", "Task", "Priority", "Due"):
        table.add_column(heading)
    for task in page["nodes"]:
        table.add_row(*_cells(task))
    Console(highlight=False).print(table)


def _cells(task: Message) -> list[str]:
    done, due = "✓" if task["completed"] else "", (task["dueAt"] or "")[:16].replace("T", " ")
    return [str(task["number"]), done, escape(task["title"]), task["priority"].lower(), due]


def _picture(run: Run) -> RenderableType:
    steps = [_line(step) for _, step in sorted(run.steps.items()) if step["kind"] != "FINAL_ANSWER"]
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        Text(run.status.lower().replace("_", " "), style=_SHADES.get(run.status, "cyan")),
        ProgressBar(total=100, completed=run.percent, width=30) if run.percent is not None else Text(""),
        Text(run.message or "", style="dim"),
    )
    return Group(*steps, *map(_question, run.questions.values()), bar)


def _question(prompt: str) -> Text:
    where = "  (answer it here, in the console, or by answerInterrupts)"
    return Text.assemble(("? ", "yellow"), prompt, (where, "dim"))


def _line(step: Message) -> RenderableType:
    if step["status"] == "RUNNING":
        return Spinner("dots", Text(told(step)), style="cyan")
    mark, style = _MARKS[step["status"]]
    error = f"  {step['error']}" if step["error"] else ""
    return Text.assemble((f"{mark} ", style), told(step), (error, "red"))
