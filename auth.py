"""Who asks: access tokens, issued and checked, ours and those of an outside issuer. Rules: RFC 8725."""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import jwt
from jwt.types import Options
from pydantic import BaseModel, ConfigDict, Field

from errors import BadUserInput, Unauthenticated, Unavailable
from ids import Kind, decode, encode, new_id
from scopes import Scope, granted
from settings import Settings, SettingsError

Clock = Callable[[], datetime]

_SECRET_BYTES = 32
_LONGEST_TOKEN = 4_096
_MOST_REMEMBERED = 4_096
_LONGEST_LIFE = 366 * 86_400
_LEEWAY = 30.0
_OURS = "HS256"
_OUTSIDE = ("RS256", "ES256")
_OUR_TYPE = "at+jwt"
# Issuers differ in what they call an access token; what is named as something else is something else.
_OUTSIDE_TYPES = {"", "jwt", "at+jwt", "application/at+jwt"}

_FETCH_SECONDS = 5.0
_PAUSE = timedelta(seconds=5)
_FRESH = timedelta(minutes=5)
_USABLE = timedelta(hours=1)
_NEVER = datetime.min.replace(tzinfo=UTC)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose token was checked."""

    user_id: UUID
    expires_at: datetime
    scopes: frozenset[Scope] | None = None
    "None: everything that the person may do."

    def allows(self, scope: Scope) -> bool:
        """Whether the token was given for this."""
        return self.scopes is None or scope in self.scopes


@dataclass(frozen=True, slots=True)
class Outsider:
    """A person as an outside issuer names them."""

    issuer: str
    subject: str
    email: str | None = None
    "As the issuer says it, unless it says that it was not verified."
    name: str | None = None


@dataclass(frozen=True)
class Claims:
    """What a valid token says: a user of ours by id, or an outsider, until when, and for what."""

    subject: UUID | Outsider
    expires_at: datetime
    scopes: frozenset[Scope] | None = None

    @cached_property
    def principal(self) -> Principal:
        """Whom it makes of the caller, where that is a user of ours. Claims are kept, and this with them."""
        assert isinstance(self.subject, UUID)
        return Principal(self.subject, self.expires_at, self.scopes)


def utc_now() -> datetime:
    """The clock on the wall."""
    return datetime.now(UTC)


class Tokens:
    """Issues our access tokens; checks ours and, where `BATON_JWKS_URL` is set, those of its issuer.

    The algorithm goes with the key and never with the token: HS256 is checked with our secret only,
    RS256 and ES256 with the issuer's keys only.
    """

    def __init__(self, settings: Settings, secret: bytes, now: Clock = utc_now) -> None:
        self.refresh_lifetime = timedelta(days=settings.refresh_token_days)
        self._secret, self._now = secret, now
        self._issuer, self._audience = settings.jwt_issuer, settings.jwt_audience
        self._seconds = settings.access_token_seconds
        self._outside = _Outside.of(settings, now)
        self._signed: OrderedDict[str, tuple[_Claimed, Claims]] = OrderedDict()

    def issue(
        self,
        user_id: UUID,
        now: datetime | None = None,
        seconds: int | None = None,
        scopes: Iterable[Scope] | None = None,
    ) -> tuple[str, datetime]:
        """A token for a user, and when it expires; without `scopes`, for all that the person may do.

        Raises BadUserInput for a life beyond 1 s to 366 days.
        """
        life = self._seconds if seconds is None else seconds
        if not 1 <= life <= _LONGEST_LIFE:
            raise BadUserInput("An access token lasts 1 second to 366 days.")
        issued = int((now or self._now()).timestamp())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": encode(Kind.USER, user_id),
            "iat": issued,
            "exp": issued + life,
            "jti": new_id().hex,
        }
        if scopes is not None:
            claims["scope"] = " ".join(scopes)
        token = jwt.encode(claims, self._secret, algorithm=_OURS, headers={"typ": _OUR_TYPE})
        return token, datetime.fromtimestamp(issued + life, UTC)

    def key_for(self, purpose: str) -> bytes:
        """A key of its own for what is signed for another purpose: one never passes for the other."""
        return hmac.digest(self._secret, purpose.encode(), "sha256")

    async def verify(self, token: str) -> Claims:
        """What the token says. Raises Unauthenticated, which never tells why, and Unavailable where the
        outside issuer's keys cannot be had."""
        try:
            if token in self._signed:
                return self._known(token)
            if len(token) > _LONGEST_TOKEN:
                raise ValueError("no access token is as long as this")
            header = jwt.get_unverified_header(token)
            if self._outside is not None and header.get("alg") in _OUTSIDE:
                return await self._outside.verify(token, header)
            return self._verify_ours(token, header)
        except (jwt.PyJWTError, ValueError, BadUserInput) as error:
            raise Unauthenticated from error

    def _verify_ours(self, token: str, header: Mapping[str, Any]) -> Claims:
        if header.get("typ") != _OUR_TYPE:
            raise ValueError("not an access token")
        payload = jwt.decode(
            token,
            self._secret,
            algorithms=[_OURS],
            audience=self._audience,
            issuer=self._issuer,
            options=_options("jti"),
        )
        claimed = _Claimed.valid_at(self._now(), payload)
        claims = Claims(decode(Kind.USER, claimed.sub), claimed.expires_at, claimed.scopes)
        self._remember(token, claimed, claims)
        return claims

    def _known(self, token: str) -> Claims:
        """One of ours that was checked before, letter by letter: only its time is to be checked again."""
        claimed, claims = self._signed[token]
        claimed.check(self._now())
        self._signed.move_to_end(token)
        return claims

    def _remember(self, token: str, claimed: _Claimed, claims: Claims) -> None:
        self._signed[token] = claimed, claims
        if len(self._signed) > _MOST_REMEMBERED:
            self._signed.popitem(last=False)


class _Outside:
    """Checks the tokens of the outside issuer."""

    def __init__(self, keys: IssuerKeys, issuer: str, audience: str, now: Clock) -> None:
        self._keys, self._issuer, self._audience, self._now = keys, issuer, audience, now

    @classmethod
    def of(cls, settings: Settings, now: Clock) -> _Outside | None:
        """None where no such issuer is set."""
        issuer, audience = settings.jwks_issuer, settings.jwks_audience
        if settings.jwks_url is None or issuer is None or audience is None:
            return None
        return cls(IssuerKeys(str(settings.jwks_url), now), issuer, audience, now)

    async def verify(self, token: str, header: Mapping[str, Any]) -> Claims:
        if str(header.get("typ") or "").lower() not in _OUTSIDE_TYPES:
            raise ValueError("not an access token")
        payload = jwt.decode(
            token,
            await self._keys.get(str(header.get("kid") or "")),
            algorithms=_OUTSIDE,
            audience=self._audience,
            issuer=self._issuer,
            options=_options(),
        )
        claimed = _Claimed.valid_at(self._now(), payload)
        return Claims(claimed.outsider(self._issuer), claimed.expires_at, claimed.scopes)


def _options(*required: str) -> Options:
    """Times are left to `_Claimed`: the library reads them loosely, and from a clock that cannot be set."""
    return {
        "require": ["exp", "iat", "sub", "iss", "aud", *required],
        "enforce_minimum_key_length": True,
        "verify_exp": False,
        "verify_iat": False,
        "verify_nbf": False,
    }


# Seconds since 1970 up to the year 9999, which is as far as a datetime goes.
_Instant = Annotated[float, Field(ge=0, le=253_402_300_799, allow_inf_nan=False)]


class _Claimed(BaseModel):
    """The claims that we read, each of its type: a number in quotes is no time, NUL is no name."""

    model_config = ConfigDict(strict=True)

    sub: Annotated[str, Field(pattern=r"^[^\x00]{1,255}$")]
    exp: _Instant
    iat: _Instant
    nbf: _Instant = 0
    scope: str | None = None
    email: object = None
    email_verified: object = None
    name: object = None

    @classmethod
    def valid_at(cls, now: datetime, payload: Mapping[str, Any]) -> _Claimed:
        """Raises ValueError before, after, and for claims of the wrong type."""
        claimed = cls.model_validate(payload)
        claimed.check(now)
        return claimed

    def check(self, now: datetime) -> None:
        """Raises ValueError before and after."""
        seconds = now.timestamp()
        if self.exp <= seconds - _LEEWAY or max(self.iat, self.nbf) > seconds + _LEEWAY:
            raise ValueError("not valid now")

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(self.exp, UTC)

    @property
    def scopes(self) -> frozenset[Scope] | None:
        return None if self.scope is None else granted(self.scope.split(" "))

    def outsider(self, issuer: str) -> Outsider:
        email = self.email if isinstance(self.email, str) and self.email_verified is not False else None
        return Outsider(issuer, self.sub, email, self.name if isinstance(self.name, str) else None)


class IssuerKeys:
    """An issuer's public keys by their `kid`, fetched when they are needed.

    Known keys are asked for again after five minutes, beside the request that noticed; where the issuer
    does not answer, they serve on for an hour. An unknown `kid` waits for one fetch, and whatever comes
    after it within five seconds is answered from what is known: a flood of tokens is no flood of fetches.
    """

    def __init__(self, url: str, now: Clock) -> None:
        self._url, self._now = url, now
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = self._asked = _NEVER
        self._asking: asyncio.Task[None] | None = None

    async def get(self, kid: str) -> jwt.PyJWK:
        """The key of that name. Raises Unauthenticated where the issuer has none, Unavailable where it
        could not be asked."""
        now = self._now()
        known = kid in self._keys and now - self._fetched < _USABLE
        if not known or now - self._fetched >= _FRESH:
            self._ask_again(now)
        if not known and self._asking is not None:
            # One that drips for ever holds its thread, but neither us nor a second fetch.
            await asyncio.wait({self._asking}, timeout=2 * _FETCH_SECONDS)
        return self._found(kid)

    def _found(self, kid: str) -> jwt.PyJWK:
        if kid in self._keys and self._now() - self._fetched < _USABLE:
            return self._keys[kid]
        if self._fetched < self._asked or self._asking is not None:
            raise Unavailable("The keys of the tokens' issuer cannot be had at the moment; try again.")
        raise Unauthenticated

    def _ask_again(self, now: datetime) -> None:
        if self._asking is None and now - self._asked >= _PAUSE:
            self._asking = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        try:
            self._keys = await asyncio.to_thread(_fetch, self._url)
        except Exception as error:  # whatever the other side sent, or did not
            self._asked = self._now()
            _log.warning("The keys of the outside issuer cannot be had: %s", type(error).__name__)
        else:
            self._asked = self._fetched = self._now()
        finally:
            self._asking = None


def _fetch(url: str) -> dict[str, jwt.PyJWK]:
    client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=_FETCH_SECONDS)
    return {key.key_id: key for key in client.get_signing_keys() if key.key_id}


def load_secret(settings: Settings) -> bytes:
    """`BATON_JWT_SECRET`, or one that is made once and kept in `<data_dir>/jwt-secret`.

    Any number of processes may start at once: all get the same one. Raises SettingsError.
    """
    if settings.jwt_secret is not None:
        return settings.jwt_secret.get_secret_value().encode()
    path = settings.data_dir / "jwt-secret"
    try:
        if not path.exists():
            _make_secret(path)
        secret = path.read_bytes().strip()
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    if len(secret) < _SECRET_BYTES:
        raise SettingsError(f"{path}: must have at least {_SECRET_BYTES} bytes; delete it to get a new one")
    return secret


def _make_secret(path: Path) -> None:
    """The file appears whole or not at all, and the first one stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_urlsafe(48).encode())
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink(missing_ok=True)
