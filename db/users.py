"""People and the families of their refresh tokens as rows.

A family is alive as long as none of its links is revoked: ending one takes the lock of a single row,
and a link that is being added meanwhile is dead with the others.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from db.query import Query, Row
from db.session import Reader, Session


class UserRow(Row):
    """A person, as they may see themselves."""

    id: UUID
    email: str | None
    name: str | None
    created_at: datetime


class PasswordRow(Row):
    """What a sign-in is checked against; kept apart, so that a hash never travels with a person."""

    id: UUID
    password_hash: str | None


_COLUMNS = ", ".join(f"users.{name}" for name in UserRow.columns())

_GET = Query(f"select {_COLUMNS} from users where id = :id", UserRow)
_GET_BY_EMAIL = Query(f"select {_COLUMNS} from users where lower(email) = lower(:email)", UserRow)
_GET_PASSWORD = Query("select id, password_hash from users where lower(email) = lower(:email)", PasswordRow)
_GET_OUTSIDER = Query("select id from users where issuer = :issuer and subject = :subject")
# Waits for a twin that adds the same address, and then adds nothing.
_INSERT = Query(
    f"""
    insert into users (id, email, name, password_hash) values (:id, :email, :name, :password_hash)
    on conflict do nothing
    returning {_COLUMNS}
    """,
    UserRow,
)
# Waits for a twin that adds the same person or the same address, and then adds nothing.
_INSERT_OUTSIDER = Query(
    """
    insert into users (id, issuer, subject, email, name) values (:id, :issuer, :subject, :email, :name)
    on conflict do nothing
    returning id
    """
)
# Locks the person's row where they are there already: there is always an answer.
_INSERT_OUTSIDER_WITHOUT_EMAIL = Query(
    """
    insert into users (id, issuer, subject, name) values (:id, :issuer, :subject, :name)
    on conflict (issuer, subject) do update set subject = excluded.subject
    returning id
    """
)
_REPLACE_HASH = Query("update users set password_hash = :new where id = :id and password_hash = :old")

_START_FAMILY = Query(
    """
    insert into refresh_tokens (hash, family_id, user_id, expires_at)
    values (:hash, :family_id, :user_id, now() + cast(:lifetime as interval))
    """
)
_ALIVE = """
    not exists (
        select from refresh_tokens as link
        where link.family_id = token.family_id and link.revoked_at is not null
    )
"""
# Locks the link: of those who bring it at the same time the first uses it, and the others find it used.
_ROTATE = Query(
    f"""
    with used as (
        update refresh_tokens as token set used_at = now()
        where token.hash = :hash and token.used_at is null and token.expires_at > now() and {_ALIVE}
        returning token.family_id, token.user_id
    ), successor as (
        insert into refresh_tokens (hash, family_id, user_id, expires_at)
        select cast(:successor as bytea), family_id, user_id, now() + cast(:lifetime as interval) from used
    )
    select {_COLUMNS} from users join used on used.user_id = users.id
    """,
    UserRow,
)
# Locks the link.
_REVOKE = Query(
    f"""
    update refresh_tokens as token set revoked_at = now()
    where token.hash = :hash and token.revoked_at is null and {_ALIVE}
      and exists (
        select from refresh_tokens as link
        where link.family_id = token.family_id and link.used_at is null and link.expires_at > now()
      )
    """
)


async def get_user(reader: Reader, user_id: UUID) -> UserRow | None:
    """The person, if they are there."""
    return await reader.first(_GET, id=user_id)


async def get_user_by_email(session: Session, email: str) -> UserRow | None:
    """Who has this address, in whatever case it is written."""
    return await session.first(_GET_BY_EMAIL, email=email)


async def get_password(session: Session, email: str) -> PasswordRow | None:
    """What whoever has this address signs in with."""
    return await session.first(_GET_PASSWORD, email=email)


async def insert_user(
    session: Session, new_id: UUID, email: str, name: str | None, password_hash: str | None
) -> UserRow | None:
    """A new person; None where the address is taken."""
    return await session.first(_INSERT, id=new_id, email=email, name=name, password_hash=password_hash)


async def get_outsider(session: Session, issuer: str, subject: str) -> UUID | None:
    """The id of whom an outside issuer names so."""
    row = await session.first(_GET_OUTSIDER, issuer=issuer, subject=subject)
    return None if row is None else row["id"]


async def insert_outsider(
    session: Session, new_id: UUID, issuer: str, subject: str, email: str | None, name: str | None
) -> UUID:
    """The id of whom an outside issuer names so, added where they are not there yet.

    An address that somebody else has is left out: two ways to sign in are never joined by it.
    """
    person = {"id": new_id, "issuer": issuer, "subject": subject, "name": name}
    row = await session.first(_INSERT_OUTSIDER, **person, email=email)
    if row is None:
        row = await session.one(_INSERT_OUTSIDER_WITHOUT_EMAIL, **person)
    return row["id"]


async def replace_hash(session: Session, user_id: UUID, old: str, new: str) -> None:
    """Keep a newer hash of the same password, unless the password was changed meanwhile."""
    await session.run(_REPLACE_HASH, id=user_id, old=old, new=new)


async def start_family(
    session: Session, user_id: UUID, family_id: UUID, token_hash: bytes, lifetime: timedelta
) -> None:
    """The first refresh token of a sign-in."""
    await session.run(_START_FAMILY, user_id=user_id, family_id=family_id, hash=token_hash, lifetime=lifetime)


async def rotate(
    session: Session, token_hash: bytes, successor: bytes, lifetime: timedelta
) -> UserRow | None:
    """Use a refresh token and put its successor in its place. None where it is not (or no longer) good."""
    return await session.first(_ROTATE, hash=token_hash, successor=successor, lifetime=lifetime)


async def revoke(session: Session, token_hash: bytes) -> bool:
    """End the family of a token; False where there was nothing alive to end."""
    return await session.run(_REVOKE, hash=token_hash) == 1
