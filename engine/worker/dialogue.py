"""What a run knows of its conversation: the messages before, their summary, and what comes meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from db import messages as rows
from db import summaries
from db.connection import Database
from db.executions import ExecutionRow
from db.session import Session
from engine.models.model import Said, Steered
from engine.steps import Outcome, Step
from engine.tools.tool import Wait
from engine.versions import AgentVersion, LongHistory
from engine.worker.entry import Entry
from engine.worker.history import Past, Talk
from engine.worker.journal import Journal
from events.kinds import MessageSteered
from settings import Settings

_MOST_MESSAGES = 2_000
"Of the newest, that are looked at."


@dataclass(frozen=True, slots=True)
class Dialogues:
    """The conversations of the runs of one worker. Nothing is kept: each run reads the rows."""

    db: Database
    settings: Settings

    async def past(self, run: ExecutionRow, agent: AgentVersion) -> Past:
        """What was said up to the run's own message, that included; empty outside of a conversation."""
        if run.conversation_id is None:
            return Past()
        reader, summary = self.db.reading(run.user_id), None
        if agent.long_history is LongHistory.SUMMARIZE:
            summary = await summaries.last_summary(reader, run.user_id, run.conversation_id, run.id)
        through = 0 if summary is None else summary.through
        found = await rows.history(reader, run.user_id, run.conversation_id, run.id, through, _MOST_MESSAGES)
        return Past(found, self.settings.tokens_of(agent.model), summary.content if summary else None)

    async def keep(self, journal: Journal, step: Step, excess: Talk, summary: str) -> Step:
        """The summary and the end of the step that made it are one commit. Raises what a Journal raises."""
        run, ended = journal.run, step

        async def keep(session: Session) -> tuple[Entry, Sequence[Wait]]:
            nonlocal ended
            assert run.conversation_id is not None
            fields = {"through": excess[-1].place, "content": summary}
            await summaries.insert_summary(
                session, {"user_id": run.user_id, "conversation_id": run.conversation_id, **fields}
            )
            entry = journal.entry()
            ended = entry.finish(step, Outcome(text=summary))
            return entry, ()

        await journal.settle(keep)
        return ended

    async def heard(self, run: ExecutionRow) -> list[Steered]:
        """What the run took up before, in earlier attempts, or the one that it retries."""
        if run.conversation_id is None or (run.fence == 1 and run.retry_of is None):
            return []
        found = await rows.steered(self.db.reading(run.user_id), run.user_id, run.id)
        return [Steered(row.steered_step or 1, Said(row.role, row.content)) for row in found]

    async def hear(self, journal: Journal, before_step: int) -> list[Steered]:
        """Take up what has come to the run since, with a receipt for each.

        Raises what a Journal raises.
        """
        run = journal.run
        if run.conversation_id is None:
            return []
        if not await rows.pending(self.db.reading(run.user_id), run.user_id, run.id):
            return []
        taken: list[Steered] = []

        async def take(session: Session) -> tuple[Entry, Sequence[Wait]]:
            entry = journal.entry()
            for row in await rows.take_pending(session, run.user_id, run.id, before_step):
                taken.append(Steered(before_step, Said(row.role, row.content)))
                entry.talk(MessageSteered(execution_id=run.id, message_id=row.id))
            return entry, ()

        await journal.settle(take)
        return taken
