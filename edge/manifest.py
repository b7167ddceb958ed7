"""Trusted documents as files: a manifest, or a folder of manifests and documents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import orjson
from graphql import GraphQLError, parse

from edge.requests import is_list, is_object
from settings import SettingsError


def load_trusted(path: Path) -> dict[str, str]:
    """The documents by their ids, and each by the SHA-256 of its text, too.

    A file is JSON: `{id: document}` as Relay and GraphQL Code Generator write it, or Apollo's persisted query
    manifest. In a folder every `.json` is one, and every `.graphql` a document of its own.
    Raises SettingsError.
    """
    found: dict[str, str] = {}
    for name, text in _pairs(path):
        _check(path, name, text)
        found[name] = text
        found[hashlib.sha256(text.encode()).hexdigest()] = text
    if not found:
        raise SettingsError(f"BATON_TRUSTED_DOCUMENTS: no documents in {path}")
    return found


def _pairs(path: Path) -> Iterator[tuple[str, str]]:
    try:
        if not path.is_dir():
            yield from _manifest(path)
            return
        for file in sorted(path.rglob("*.json")):
            yield from _manifest(file)
        for file in sorted([*path.rglob("*.graphql"), *path.rglob("*.gql")]):
            yield file.stem, file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"BATON_TRUSTED_DOCUMENTS: {path} cannot be read: {error}") from None


def _manifest(file: Path) -> Iterator[tuple[str, str]]:
    try:
        content: object = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError:
        raise SettingsError(f"BATON_TRUSTED_DOCUMENTS: {file} is not JSON") from None
    if is_object(content) and content.get("format") == "apollo-persisted-query-manifest":
        operations = content.get("operations")
        yield from (_operation(file, one) for one in (operations if is_list(operations) else ()))
    elif is_object(content):
        yield from (_named(file, name, text) for name, text in content.items())
    else:
        raise _strange(file)


def _operation(file: Path, operation: object) -> tuple[str, str]:
    if not is_object(operation):
        raise _strange(file)
    return _named(file, operation.get("id"), operation.get("body"))


def _named(file: Path, name: object, text: object) -> tuple[str, str]:
    if not isinstance(name, str) or not isinstance(text, str):
        raise _strange(file)
    return name, text


def _check(path: Path, name: str, text: str) -> None:
    try:
        parse(text)
    except GraphQLError as error:
        raise SettingsError(f"BATON_TRUSTED_DOCUMENTS: {path}: {name}: {error.message}") from None


def _strange(file: Path) -> SettingsError:
    return SettingsError(f"BATON_TRUSTED_DOCUMENTS: {file} is no manifest of documents that we know")
