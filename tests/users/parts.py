"""What the tests of people and keys share: a clock that is set, and an issuer with a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from auth import Tokens
from db.connection import Database
from settings import Settings

SECRET = b"a secret that only the tests know of"
NOWHERE = Database("postgresql://nowhere", size=1, name="nowhere")
"Never opened: for what is refused before anything else is touched."
START = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)


class Clock:
    """Shows what it is set to."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **delta: float) -> None:
        self.time += timedelta(**delta)


def our_tokens(clock: Clock | None = None, secret: bytes = SECRET, **settings: Any) -> Tokens:
    return Tokens(Settings(database_url=None, **settings), secret, clock or Clock())


@cache
def private_key(kid: str, algorithm: str) -> Any:
    if algorithm.startswith("RS"):
        return rsa.generate_private_key(65537, 1024 if kid == "short" else 2048)
    return ec.generate_private_key(ec.SECP256R1())


class Issuer:
    """An identity provider: signs tokens, and publishes its keys at `url` while it is up."""

    name = "https://issuer.example"
    audience = "baton-api"

    def __init__(self) -> None:
        self.keys: dict[str, str] = {"first": "RS256"}
        self.answer: bytes | None = None
        self.status = 200
        self.fetches = 0
        self.asked = Event()
        self.open = Event()
        self.open.set()
        self.url = ""

    def token(self, kid: str | None = "first", algorithm: str = "RS256", **claims: Any) -> str:
        now = int(START.timestamp())
        payload = {
            "iss": self.name,
            "aud": self.audience,
            "sub": "auth0|42",
            "iat": now,
            "exp": now + 86_400,
            **claims,
        }
        headers = {} if kid is None else {"kid": kid}
        key = private_key(kid or "first", algorithm)
        return jwt.encode({n: v for n, v in payload.items() if v is not None}, key, algorithm, headers)

    def published(self) -> bytes:
        if self.answer is not None:
            return self.answer
        return json.dumps({"keys": [self._jwk(kid, alg) for kid, alg in self.keys.items()]}).encode()

    def _jwk(self, kid: str, algorithm: str) -> dict[str, Any]:
        writer = RSAAlgorithm if algorithm.startswith("RS") else ECAlgorithm
        public = private_key(kid, algorithm).public_key()
        return {**writer.to_jwk(public, as_dict=True), "kid": kid, "use": "sig"}

    def tokens(self, clock: Clock) -> Tokens:
        """What a Baton that trusts this issuer checks tokens with."""
        return our_tokens(clock, jwks_url=self.url, jwks_issuer=self.name, jwks_audience=self.audience)


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetches += 1
            issuer.asked.set()
            issuer.open.wait()
            body = issuer.published()
            self.send_response(issuer.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{server.server_address[1]}/jwks.json"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield issuer
    finally:
        issuer.open.set()
        server.shutdown()
        server.server_close()
        thread.join()
