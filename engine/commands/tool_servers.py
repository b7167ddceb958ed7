"""What may be done with a tool server: registered, once it has said what it offers, and removed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import UUID

from db import tool_servers as rows
from db.session import Session
from db.tool_servers import ToolServerRow
from engine.tools.offers import ToolOffer
from engine.tools.sealing import Seal
from engine.tools.tool import BUILTIN_SOURCE, OPERATOR_SOURCE
from errors import InvalidInput, Issue
from ids import new_id

_LONGEST_URL = 2_000
_MOST_HEADERS = 50
_LONGEST_HEADERS = 8_000
_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9-]|_(?!_)){0,31}")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = frozenset({"host", "content-length", "content-type", "accept", "connection", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class NewServer:
    """A server that was checked."""

    name: str
    url: str
    headers: dict[str, str]


def checked(name: str, url: str, headers: Any) -> NewServer:
    """What was given, if it can be a server. Raises InvalidInput with every problem."""
    issues = [*_name_issues(name), *_url_issues(url), *_header_issues(headers)]
    if issues:
        raise InvalidInput(issues)
    return NewServer(name, url, headers or {})


async def register_server(
    session: Session, user_id: UUID, new: NewServer, offers: Sequence[ToolOffer], seal: Seal
) -> ToolServerRow:
    """A server with what it said that it offers. Raises InvalidInput where there is one of its name."""
    server_id = new_id()
    row = await rows.insert_tool_server(
        session,
        {
            "id": server_id,
            "user_id": user_id,
            "name": new.name,
            "url": new.url,
            "sealed_headers": seal.seal(new.headers, server_id) if new.headers else None,
            "tools": [offer.as_json() for offer in offers],
        },
    )
    if row is None:
        raise InvalidInput([_issue("name", "You have a server of this name already.")])
    return row


async def remove_server(session: Session, user_id: UUID, server_id: UUID) -> bool:
    """False when it was not there. Its tools are gone for every run from its next claim on."""
    return await rows.delete_tool_server(session, user_id, server_id)


def _name_issues(name: str) -> list[Issue]:
    if name in {BUILTIN_SOURCE, OPERATOR_SOURCE}:
        return [_issue("name", "This name is taken by Baton itself.")]
    if not _NAME.fullmatch(name):
        return [_issue("name", "A letter, then letters, digits, `-` and single `_`: 32 at most.")]
    return []


def _url_issues(url: str) -> list[Issue]:
    try:
        parts = urlsplit(url)
        is_fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_fine = False
    if not is_fine or len(url) > _LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        return [_issue("url", "An http or https address.")]
    if "@" in urlsplit(url).netloc:
        return [_issue("url", "Secrets belong into `headers`: an address can be read again.")]
    return []


def _header_issues(headers: Any) -> list[Issue]:
    if headers is None:
        return []
    if not isinstance(headers, dict):
        return [_issue("headers", "An object of texts.")]
    pairs = cast("dict[str, Any]", headers)
    size = sum(len(name) + len(str(value)) for name, value in pairs.items())
    if len(pairs) > _MOST_HEADERS or size > _LONGEST_HEADERS:
        return [_issue("headers", f"At most {_MOST_HEADERS} of {_LONGEST_HEADERS:,} characters in all.")]
    return [
        _issue("headers", f"{name[:100]!r} cannot be sent.")
        for name, value in pairs.items()
        if not _is_header(name, value)
    ]


def _is_header(name: str, value: Any) -> bool:
    return (
        _HEADER.fullmatch(name) is not None
        and name.lower() not in _OURS
        and isinstance(value, str)
        and value.isascii()
        and value.isprintable()
    )


def _issue(name: str, message: str) -> Issue:
    return Issue(("input", name), message)
