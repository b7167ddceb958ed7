"""People: signing up, in and out, and the viewer."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated

import strawberry

from db.users import UserRow
from ids import Kind
from resolvers import users
from resolvers.throttle import admit_sign_in
from resolvers.users import SignedIn
from schema.columns import column, id_column, off_rows
from schema.context import Info
from schema.mutations import attempt
from schema.node import Node
from schema.problems import InvalidInput, UserError


@off_rows
@strawberry.type(description="Somebody with an account.")
class User(Node):
    id: strawberry.ID = id_column(Kind.USER)
    email: str | None = column(description="Null where an identity provider has named none.")
    name: str | None = column()
    created_at: datetime = column()
    row: strawberry.Private[UserRow]

    @classmethod
    def of(cls, row: UserRow) -> User:
        return cls(row=row)


@strawberry.type(description="Who is signed in, for a while.")
class Session:
    access_token: str = strawberry.field(
        description="A JWT; send it as `Authorization: Bearer …` and as `connection_init` payload "
        '`{authorization: "Bearer …"}`.'
    )
    access_token_expires_at: datetime = strawberry.field(description="Refresh before then.")
    refresh_token: str = strawberry.field(
        description="Single use: each refresh returns a new one; reusing an old one revokes the whole family."
    )


@strawberry.type(description="The address, the password or the token is not right; which, is not said.")
class InvalidCredentials(UserError):
    pass


@strawberry.type(description="There is an account of this address already.")
class EmailTaken(UserError):
    pass


@strawberry.input
class SignUpInput:
    email: str
    password: str = strawberry.field(description="At least 12 characters.")
    name: str | None = strawberry.UNSET


@strawberry.input
class SignInInput:
    email: str
    password: str


@strawberry.input
class RefreshSessionInput:
    refresh_token: str = strawberry.field(description="Of the newest session.")


@strawberry.type(description="Signed in.")
class SignInSuccess:
    session: Session
    user: User

    @classmethod
    def of(cls, signed_in: SignedIn) -> SignInSuccess:
        session = Session(
            access_token=signed_in.access_token,
            access_token_expires_at=signed_in.access_token_expires_at,
            refresh_token=signed_in.refresh_token,
        )
        return cls(session=session, user=User.of(signed_in.user))


@strawberry.type(description="The session is over. Access tokens end by themselves.")
class SignOutSuccess:
    signed_out: bool = strawberry.field(
        description="Signing out is idempotent: where nobody was signed in any more, this is false."
    )


SignUpResult = Annotated[SignInSuccess | EmailTaken | InvalidInput, strawberry.union("SignUpResult")]
SignInResult = Annotated[SignInSuccess | InvalidCredentials | InvalidInput, strawberry.union("SignInResult")]
RefreshSessionResult = Annotated[SignInSuccess | InvalidCredentials, strawberry.union("RefreshSessionResult")]


@strawberry.type
class UserQueries:
    @strawberry.field(description="Who asks.")
    async def viewer(self, info: Info) -> User:
        return User.of(await users.viewer(info.context.services.db, info.context.user_id))


@strawberry.type
class UserMutations:
    @strawberry.mutation(
        description="Make an account, and sign in to it. Limited for each address of the network."
    )
    async def sign_up(self, info: Info, input: SignUpInput) -> SignUpResult:
        services = info.context.services
        name = input.name or None
        work = users.sign_up(services.db, services.tokens, input.email, input.password, name)
        return await attempt(_success(work), EmailTaken, InvalidInput)

    @strawberry.mutation(
        description="A session by email and password. Limited for each account and each address of the "
        "network."
    )
    async def sign_in(self, info: Info, input: SignInInput) -> SignInResult:
        services = info.context.services
        await admit_sign_in(services, input.email, info.context.address)
        work = users.sign_in(services.db, services.tokens, input.email, input.password)
        return await attempt(_success(work), InvalidCredentials, InvalidInput)

    @strawberry.mutation(
        description="A new session for a refresh token, which is used up. Send no `Authorization` header "
        "with it."
    )
    async def refresh_session(self, info: Info, input: RefreshSessionInput) -> RefreshSessionResult:
        services = info.context.services
        work = users.refresh_session(services.db, services.tokens, input.refresh_token)
        return await attempt(_success(work), InvalidCredentials)

    @strawberry.mutation(description="Revoke a refresh token and all that descend from the same sign-in.")
    async def sign_out(self, info: Info, input: RefreshSessionInput) -> SignOutSuccess:
        ended = await users.sign_out(info.context.services.db, input.refresh_token)
        return SignOutSuccess(signed_out=ended)


async def _success(work: Awaitable[SignedIn]) -> SignInSuccess:
    return SignInSuccess.of(await work)
