"""What workers, and those who wait for a run, are woken for, wherever it was committed."""

from __future__ import annotations

from uuid import UUID

QUEUE_TOPIC = "queue"
"A run is ready to be claimed."
CANCEL_TOPIC = "cancel"
"A run that a worker holds is asked to stop."
DUE_TOPIC = "due"
"Something is to be done by the clock, at a time that was not known before."


def settled_topic(run_id: UUID) -> str:
    """The run has ended or needs a person: who waits for that need not look at each step."""
    return f"settled {run_id.hex}"
