"""`baton ask` and `baton understand`, as a person runs them: processes, exit codes, and what is printed."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.processes import ROOT, SECRET, baton

NOW = ("--now", "2026-03-04T10:00:00Z")


def lines(*texts: str) -> str:
    return "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)


def rows(done: CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def sentence(text: str) -> str:
    """The one line that was printed."""
    assert text.count("\n") == 1, text
    return text.rstrip("\n")


class TestUnderstand:
    def test_labels_each_line(self) -> None:
        done = baton("understand", *NOW, typed=lines("Add a task to call Zoë tomorrow", "What time is it?"))

        assert (done.returncode, done.stderr) == (0, "")
        assert rows(done) == [
            {
                "text": "Add a task to call Zoë tomorrow",
                "intent": "CREATE",
                "tool": "add_task",
                "args": {"title": "Call Zoë", "due": "2026-03-05"},
            },
            {"text": "What time is it?", "intent": "UNKNOWN", "tool": None, "args": None},
        ]

    def test_days_are_those_of_the_zone(self) -> None:
        """Ten in the evening in London is tomorrow in Tokyo. A `now` without an offset is in UTC."""
        given = ("--now", "2026-03-04T22:00:00", "--time-zone", "Asia/Tokyo")

        (row,) = rows(baton("understand", *given, typed=lines("remind me today to sing")))

        assert row["args"]["due"] == "2026-03-05"

    def test_a_malformed_line_is_named_and_nothing_follows_it(self) -> None:
        done = baton("understand", *NOW, typed=lines("my tasks") + "{\n" + lines("my tasks"))

        assert done.returncode == 2
        assert len(rows(done)) == 1
        assert sentence(done.stderr).startswith("line 2: not JSON")

    def test_reads_and_writes_utf_8_whatever_the_locale(self) -> None:
        settings = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}

        done = baton("understand", *NOW, typed=lines("Add “🎂 für Zoë” to my list"), **settings)

        assert "🎂 für Zoë" in done.stdout
        assert rows(done)[0]["args"] == {"title": "🎂 für Zoë"}

    def test_answers_each_line_before_it_reads_the_next(self) -> None:
        command = [sys.executable, "-m", "cli", "understand", *NOW]
        with subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        ) as process:
            assert process.stdin
            assert process.stdout
            for text in ("my tasks", "delete task 3"):
                process.stdin.write(lines(text).encode())
                assert json.loads(process.stdout.readline())["text"] == text
            process.stdin.close()
            assert process.wait(60) == 0

    def test_a_zone_that_is_none_is_one_sentence(self) -> None:
        done = baton("understand", "--time-zone", "../America", typed=lines("my tasks"))

        assert (done.returncode, done.stdout) == (2, "")
        assert sentence(done.stderr) == "Not an IANA time zone, such as Europe/Berlin."

    def test_a_moment_that_nothing_can_be_counted_from_is_one_sentence(self) -> None:
        done = baton("understand", "--now", "0001-01-01", typed=lines("remind me yesterday to sing"))

        assert (done.returncode, done.stdout) == (2, "")
        assert sentence(done.stderr) == "Give a moment in the years 2 to 9998."


class TestAsk:
    @pytest.fixture
    def env(self, dsn: str, tmp_path: Path) -> dict[str, str]:
        return {"DATABASE_URL": dsn, "BATON_DATA_DIR": str(tmp_path), "BATON_JWT_SECRET": SECRET}

    def test_exit_codes_tell_whether_it_was_done(self, env: dict[str, str]) -> None:
        said = [
            (("Create a task to buy groceries",), 0, "Task created: Buy groceries"),
            (("Complete task 1", "--dry-run"), 0, "I would mark 'Buy groceries' as done."),
            (("Delete task 7",), 1, "I couldn't find that task. Try listing your tasks first."),
            (("Show my tasks", "--user", "bob@example.com"), 0, "You have no tasks."),
        ]

        for arguments, code, answer in said:
            done = baton("ask", *arguments, **env)
            assert (done.returncode, sentence(done.stdout)) == (code, answer), done.stderr

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            (("",), "Message cannot be empty"),
            (("my tasks", "--time-zone", "Nowhere"), "Not an IANA time zone, such as Europe/Berlin."),
        ],
    )
    def test_what_is_not_valid_is_one_sentence(
        self, env: dict[str, str], arguments: tuple[str, ...], told: str
    ) -> None:
        done = baton("ask", *arguments, **env)

        assert (done.returncode, done.stdout) == (2, "")
        assert sentence(done.stderr) == told

    def test_what_has_to_be_confirmed_is_done_by_the_command_it_prints(self, env: dict[str, str]) -> None:
        given = ("--user", "ada@example.com")
        baton("ask", "Add 'one' and 'two' to my list", *given, **env)

        asked = baton("ask", *given, "--", "- delete 'one' and 'two'", **env)
        answer, command = asked.stdout.splitlines()
        done = baton(*shlex.split(command)[1:], **env)

        assert asked.returncode == 1
        assert answer.startswith("This would delete 2 tasks.")
        assert (done.returncode, done.stdout) == (0, "Deleted task 'one'\nDeleted task 'two'\n")
