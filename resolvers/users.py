"""Signing up, in and out, and who a token speaks for.

Passwords are hashed between transactions and a revocation must outlive the refusal that follows it:
these functions take the database and open and commit their own short transactions.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from auth import Outsider, Principal, Tokens
from db import users as rows
from db.connection import Database
from db.session import Session
from db.users import PasswordRow, UserRow
from errors import EmailTaken, InvalidCredentials, InvalidInput, Issue, Unauthenticated
from ids import new_id
from resolvers.passwords import hash_password, is_outdated, is_password

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1_000
LONGEST_NAME = 200

# Who runs Baton in a private network has people at `corp.local`, and in a test at `example.test`.
SPECIAL_USE_DOMAIN_NAMES.clear()


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person, and the two tokens that prove it is they."""

    user: UserRow
    access_token: str = field(repr=False)
    access_token_expires_at: datetime
    refresh_token: str = field(repr=False)


async def sign_up(
    db: Database, tokens: Tokens, email: str, password: str, name: str | None = None
) -> SignedIn:
    """A new account, signed in. Raises InvalidInput with every problem, and EmailTaken."""
    address, issues = _read_email(email, ("input", "email"))
    issues += _text_issues(password, ("input", "password"), SHORTEST_PASSWORD, LONGEST_PASSWORD)
    issues += _text_issues(name or "", ("input", "name"), 0, LONGEST_NAME)
    if issues:
        raise InvalidInput(issues)
    password_hash = await hash_password(password)
    async with db.as_system() as session:
        user = await rows.insert_user(session, new_id(), address, _tidy(name), password_hash)
        if user is None:
            raise EmailTaken(path=("input", "email"))
        return await _start_family(session, tokens, user)


async def sign_in(db: Database, tokens: Tokens, email: str, password: str) -> SignedIn:
    """Raises InvalidInput, and InvalidCredentials: the same, after the same time, for an unknown address,
    a wrong password and an account that has none."""
    address, issues = _read_email(email, ("input", "email"))
    issues += _text_issues(password, ("input", "password"), 0, LONGEST_PASSWORD)
    if issues:
        raise InvalidInput(issues)
    async with db.as_system() as session:
        kept = await rows.get_password(session, address)
    matches = await is_password(password, kept.password_hash if kept else None)
    if kept is None or not matches:
        raise InvalidCredentials
    newer = await _newer_hash(kept, password)
    async with db.as_system() as session:
        user = await rows.get_user(session, kept.id)
        if user is None:
            raise InvalidCredentials
        if newer is not None:
            await rows.replace_hash(session, kept.id, *newer)
        return await _start_family(session, tokens, user)


async def refresh_session(db: Database, tokens: Tokens, refresh_token: str) -> SignedIn:
    """Tokens for a refresh token that is good, and its successor.

    Raises InvalidCredentials. One that was used before ends its whole family, and that is committed
    although this raises: whoever holds the family's newest token may be a thief.
    """
    successor = _new_refresh_token()
    old, new = _hash_token(refresh_token), _hash_token(successor)
    async with db.as_system() as session:
        user = await rows.rotate(session, old, new, tokens.refresh_lifetime)
        if user is None:
            # A token that is refused while its family lives was used before.
            await rows.revoke(session, old)
    if user is None:
        raise InvalidCredentials(path=("input", "refreshToken"))
    return _signed_in(tokens, user, successor)


async def sign_out(db: Database, refresh_token: str) -> bool:
    """End the sign-in that this refresh token belongs to. False where there was none to end: signing out
    is idempotent. Access tokens that are about stay good until they expire."""
    async with db.as_system() as session:
        return await rows.revoke(session, _hash_token(refresh_token))


async def identify(db: Database, tokens: Tokens, token: str) -> Principal:
    """Who an access token speaks for; an outside issuer's person is added when first seen.

    Raises Unauthenticated and Unavailable.
    """
    claims = await tokens.verify(token)
    if isinstance(claims.subject, UUID):
        return claims.principal
    async with db.as_system() as session:
        user_id = await _find_or_add(session, claims.subject)
    return Principal(user_id, claims.expires_at, claims.scopes)


async def viewer(db: Database, user_id: UUID) -> UserRow:
    """The caller. Raises Unauthenticated where the account is gone."""
    user = await rows.get_user(db.reading(user_id), user_id)
    if user is None:
        raise Unauthenticated
    return user


async def users_by_ids(db: Database, user_id: UUID, ids: list[UUID]) -> dict[UUID, UserRow]:
    """Those of the people that the caller may see: themselves."""
    return {user_id: await viewer(db, user_id)} if user_id in ids else {}


async def ensure_user(db: Database, email: str) -> UserRow:
    """Whoever has this address, added without a password where nobody has. Raises InvalidInput."""
    address, issues = _read_email(email, ("email",))
    if issues:
        raise InvalidInput(issues)
    async with db.as_system() as session:
        added = await rows.insert_user(session, new_id(), address, None, None)
        found = added or await rows.get_user_by_email(session, address)
    if found is None:
        raise LookupError(address)
    return found


async def _find_or_add(session: Session, person: Outsider) -> UUID:
    found = await rows.get_outsider(session, person.issuer, person.subject)
    if found is not None:
        return found
    address, problems = _read_email(person.email or "", ())
    name_is_good = not _text_issues(person.name or "", (), 0, LONGEST_NAME)
    return await rows.insert_outsider(
        session,
        new_id(),
        person.issuer,
        person.subject,
        None if problems else address,
        _tidy(person.name) if name_is_good else None,
    )


async def _newer_hash(row: PasswordRow, password: str) -> tuple[str, str] | None:
    """The hash that is kept and the one to keep instead, where our parameters have changed since."""
    kept = row.password_hash
    return (kept, await hash_password(password)) if kept and is_outdated(kept) else None


async def _start_family(session: Session, tokens: Tokens, user: UserRow) -> SignedIn:
    refresh_token = _new_refresh_token()
    await rows.start_family(session, user.id, new_id(), _hash_token(refresh_token), tokens.refresh_lifetime)
    return _signed_in(tokens, user, refresh_token)


def _signed_in(tokens: Tokens, user: UserRow, refresh_token: str) -> SignedIn:
    access_token, expires_at = tokens.issue(user.id)
    return SignedIn(user, access_token, expires_at, refresh_token)


def _new_refresh_token() -> str:
    return secrets.token_urlsafe(32)


def _hash_token(token: str) -> bytes:
    """A random token needs no salt and no slow hash."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


def _tidy(name: str | None) -> str | None:
    return (name or "").strip() or None


def _read_email(given: str, path: tuple[str, ...]) -> tuple[str, list[Issue]]:
    """The address as it is stored, and what is wrong with it. No question is asked of the network."""
    try:
        return validate_email(given.strip(), check_deliverability=False).normalized, []
    except EmailNotValidError as error:
        return "", [Issue(path, str(error))]


def _text_issues(value: str, path: tuple[str, ...], shortest: int, longest: int) -> list[Issue]:
    problems = {
        f"Must be at least {shortest:,} characters.": len(value) < shortest,
        f"Must be at most {longest:,} characters.": len(value) > longest,
        "Must not hold NUL characters.": "\x00" in value,
        "Must be valid Unicode.": any("\ud800" <= character <= "\udfff" for character in value),
    }
    return [Issue(path, message) for message, is_so in problems.items() if is_so]
