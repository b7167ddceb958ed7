"""Guessing passwords is slow: a few attempts a minute for each account from each address.

Counted with the account and the address together, so that nobody can lock a person out from elsewhere.
Whether there is such an account makes no difference.
"""

from __future__ import annotations

import hashlib

from errors import RateLimited
from resolvers.services import Services

_MESSAGE = "Too many attempts to sign in: wait a little."


async def admit_sign_in(services: Services, email: str, address: str) -> None:
    """Count an attempt. Raises RateLimited."""
    limit = services.settings.sign_ins_per_minute
    if not limit:
        return
    told = f"{email.strip().casefold()}\n{address}".encode(errors="replace")
    try:
        await services.budgets.draw(f"sign-in {hashlib.sha256(told).hexdigest()}", 1, limit)
    except RateLimited as error:
        raise RateLimited(error.retry_after_ms, _MESSAGE) from None
