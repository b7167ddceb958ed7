"""What a caller is told of an error: every one has a code, and none tells of our inside.

Errors that are ours to answer for are logged in full under a correlation id; the caller gets the id.
"""

from __future__ import annotations

import logging
import traceback

from graphql import FieldNode, GraphQLError

from edge.answers import Failure, PublicError
from errors import BatonError, RequestError
from redaction import redact

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
BAD_USER_INPUT = "BAD_USER_INPUT"

_INTERNAL = "Something went wrong on our side."
_MAX_MESSAGE = 500
_MAX_LOG_LINE = 400
_MAX_LOG_LINES = 60
_log = logging.getLogger("baton.edge")


def refused(error: GraphQLError, code: str) -> PublicError:
    """An error of the request itself: graphql-core wrote the message, about the caller's own words."""
    cause = _cause(error)
    return _entry(
        error, error.message, _extensions(cause) if isinstance(cause, BatonError) else {"code": code}
    )


def executed(error: GraphQLError, correlation_id: str) -> PublicError:
    """An error of a field. What nobody meant to say is masked, and logged with the correlation id."""
    cause = _cause(error)
    if isinstance(cause, BatonError):
        return _entry(error, cause.message, _extensions(cause))
    if isinstance(cause, GraphQLError) and _is_about_an_argument(cause):
        return _entry(error, cause.message, {"code": BAD_USER_INPUT})
    _report(cause, correlation_id, _where(error))
    return _entry(error, _INTERNAL, _internal(correlation_id))


def failure(error: Exception, correlation_id: str) -> Failure:
    """The refusal of a whole operation, whatever was raised."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, BatonError):
        status = error.status if isinstance(error, RequestError) else None
        return Failure([{"message": error.message, "extensions": _extensions(error)}], status)
    _report(error, correlation_id, "the operation")
    return Failure([{"message": _INTERNAL, "extensions": _internal(correlation_id)}], 500)


def broken(error: Exception, path: str, correlation_id: str) -> Failure:
    """The end of a subscription whose source raised."""
    located = GraphQLError("", path=[path], original_error=error)
    return Failure([executed(located, correlation_id)])


def printable(text: str, limit: int = _MAX_LOG_LINE) -> str:
    """The text as it may stand in one line of a log: no control characters, no tokens, not too long."""
    shown = redact(text[: 4 * limit])
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _cause(error: GraphQLError) -> Exception:
    """What was raised in the first place, below the wrappers graphql-core adds on its way up."""
    cause: Exception = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _is_about_an_argument(error: GraphQLError) -> bool:
    """Whether graphql-core refused an argument; its complaints about our own values point at fields."""
    return bool(error.nodes) and not any(isinstance(node, FieldNode) for node in error.nodes or ())


def _extensions(error: BatonError) -> dict[str, object]:
    return error.extensions if isinstance(error, RequestError) else {"code": error.code}


def _internal(correlation_id: str) -> dict[str, object]:
    return {"code": "INTERNAL", "correlationId": correlation_id}


def _entry(error: GraphQLError, message: str, extensions: dict[str, object]) -> PublicError:
    entry: PublicError = {
        "message": message if len(message) <= _MAX_MESSAGE else message[:_MAX_MESSAGE] + "…"
    }
    if error.locations:
        entry["locations"] = [{"line": at.line, "column": at.column} for at in error.locations[:5]]
    if error.path is not None:
        entry["path"] = error.path
    entry["extensions"] = extensions
    return entry


def _where(error: GraphQLError) -> str:
    return printable(".".join(map(str, error.path or ["the operation"])), 200)


def _report(error: Exception, correlation_id: str, where: str) -> None:
    """Each line of the traceback is set in, so that a message cannot pass for a line of the log."""
    lines = "".join(traceback.format_exception(error)).splitlines()[-_MAX_LOG_LINES:]
    told = "\n".join("  | " + printable(line) for line in lines)
    about = {"request_id": correlation_id}
    _log.error("INTERNAL correlationId=%s at %s\n%s", correlation_id, where, told, extra=about)
