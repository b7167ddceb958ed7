"""Keeps what the code of a release asks of Postgres: `python -m tests.migrations.keep`, at each release.

Old code works beside a new schema as long as a deploy takes, and after a rollback. The statements stand here
as text, so that they are tried where the release itself is not at hand (a clone without history).
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from db.migrate import newest
from tests.db.test_statements import STATEMENTS
from tests.processes import ROOT

_FILE = Path(__file__).parent / "data" / "release.json"


@dataclass(frozen=True)
class Release:
    """The newest one: its commit, the migration that it was written for, its statements by name."""

    commit: str
    migration: str
    statements: dict[str, str]

    @classmethod
    def load(cls) -> Release:
        return cls(**json.loads(_FILE.read_text()))


def main() -> None:
    """The command."""
    asked = ["git", "rev-parse", "HEAD"]
    commit = subprocess.run(asked, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    statements = {name: " ".join(statement.sql.split()) for name, statement in STATEMENTS}
    kept = {"commit": commit, "migration": newest(), "statements": statements}
    _FILE.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
