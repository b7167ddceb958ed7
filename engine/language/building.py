"""Makes the arguments of a tool from a sentence that fits a frame.

Every function returns None where the sentence names nothing to call its tool with.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo

from engine.language.arguments import AddTask, Arguments, Changes, CompleteTask, DeleteTask, Due, UpdateTask
from engine.language.extras import Extras
from engine.language.filters import filters
from engine.language.frames import Framed
from engine.language.intents import Intent, Priority
from engine.language.pointing import pointed
from engine.language.reading import Reading
from engine.language.references import AllRef, Ref, TitleRef
from engine.language.titles import beside, note_of, titled, written


def arguments(framed: Framed, now: datetime, zone: tzinfo) -> Arguments | None:
    """The arguments the sentence gives the tool of its frame's intent."""
    build = BUILDERS.get(framed.frame.intent)
    return build(framed, now, zone) if build else None


def _due(extras: Extras, zone: tzinfo) -> Due | None:
    return extras.when.due(zone) if extras.when else None


def _add(framed: Framed, now: datetime, zone: tzinfo) -> AddTask | None:  # noqa: ARG001 - one signature
    slot = framed.slot("title")
    if slot is None or framed.frame.says("empty"):
        return None
    said = titled(slot, Extras().and_of(framed.outside("title", "extra")))
    extra = framed.slot("extra")
    note, extras = beside(extra, said.extras) if extra else (None, said.extras)
    if said.title is None:
        return None
    return AddTask(said.title, said.description or note, extras.priority, _due(extras, zone))


def _ref(framed: Framed) -> Ref | None:
    if framed.frame.says("all"):
        return AllRef()
    if framed.frame.says("part"):
        return TitleRef(framed.reading[1:].text)
    slot = framed.slot("ref")
    return None if slot is None else pointed(slot)


def _complete(framed: Framed, now: datetime, zone: tzinfo) -> CompleteTask | None:  # noqa: ARG001 - one signature
    ref = _ref(framed)
    return ref and CompleteTask(ref, completed=framed.frame.says("completed") is not False)


def _delete(framed: Framed, now: datetime, zone: tzinfo) -> DeleteTask | None:  # noqa: ARG001 - one signature
    ref = _ref(framed)
    return ref and DeleteTask(ref)


def _update(framed: Framed, now: datetime, zone: tzinfo) -> UpdateTask | None:  # noqa: ARG001 - one signature
    ref, changes = _ref(framed), _changes(framed, zone)
    return UpdateTask(ref, changes) if ref and changes != Changes() else None


def _changes(framed: Framed, zone: tzinfo) -> Changes:
    frame = framed.frame
    if frame.says("clear_due"):
        return Changes(clear_due=True)
    if new := framed.slot("new"):
        return _renamed(new, zone)
    if note := framed.slot("note"):
        return Changes(description=note_of(note))
    extras = Extras().and_of(framed.outside("ref"))
    stated = frame.says("priority")
    priority = Priority(str(stated)) if stated else extras.priority
    return Changes(priority=priority, due=_due(extras, zone))


def _renamed(new: Reading, zone: tzinfo) -> Changes:
    """A new title is everything that is said, but for what stands behind a quoted one."""
    if not new.values("QUOTE") or new.words[0].form != "QUOTE":
        return Changes(title=written(new))
    said = titled(new, Extras())
    return Changes(said.title, said.description, said.extras.priority, _due(said.extras, zone))


BUILDERS: dict[Intent, Callable[[Framed, datetime, tzinfo], Arguments | None]] = {
    Intent.CREATE: _add,
    Intent.LIST: lambda framed, now, _zone: filters(framed.reading, now.date()),
    Intent.COMPLETE: _complete,
    Intent.UPDATE: _update,
    Intent.DELETE: _delete,
}
