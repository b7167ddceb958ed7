"""What stands between a prepared document and its execution, on every road: scopes, cost, budget.

In this order, each before any resolver has run: what the token is good for, what one operation may cost, what
the caller may still spend. A mutation that was carried out before with the same idempotency key is answered
whatever was spent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from auth import Principal
from edge.access import refusals
from edge.answers import Answer, Failure
from edge.demand import Demand
from errors import CostLimitExceeded, Forbidden, RateLimited

# Four numbers: to have them written by a library of JSON costs more than they do.
_COST = b'"cost":{"requested":%d,"limit":%d%b}'
_BUDGET = b',"budget":{"limit":%d,"remaining":%d}'


class Balance(Protocol):
    """What a caller may spend in a minute, and what is left of it as far as this process knows."""

    @property
    def limit(self) -> int: ...
    @property
    def remaining(self) -> int: ...


class Purse(Protocol):
    """Where the application keeps what callers may spend."""

    async def spend(self, principal: Principal | None, address: str, points: int) -> Balance | None:
        """Take so much from the caller's budget, an anonymous one's by address; None where there is none.

        Raises RateLimited.
        """
        ...

    async def spend_on_replay(
        self, principal: Principal, mutations: list[tuple[str, str]], points: int
    ) -> Balance | None:
        """For a caller whose budget is spent: where all of these mutations were carried out before with these
        idempotency keys, what is set aside for such repetitions. None where one was not. Raises RateLimited.
        """
        ...


class Asker(Protocol):
    """Who asks for an operation."""

    @property
    def principal(self) -> Principal | None: ...
    @property
    def address(self) -> str: ...
    @property
    def idempotency_key(self) -> str | None: ...


class Charge(NamedTuple):
    """What an operation costs, and what that leaves."""

    requested: int
    limit: int
    balance: Balance | None
    shown: bool
    "To the caller, where the application keeps budgets."

    def shown_in(self, answer: Answer) -> Answer:
        """The answer with `extensions.cost`; of a subscription, the first one."""
        if not self.shown:
            return answer
        budget = b"" if self.balance is None else _BUDGET % (self.balance.limit, self.balance.remaining)
        cost = _COST % (self.requested, self.limit, budget)
        if answer.cursor is None:  # then it has no extensions yet
            body = b'%b,"extensions":{%b}}' % (answer.body[:-1], cost)
        else:
            body = b"%b,%b}}" % (answer.body[:-2], cost)
        return Answer(body, answer.cursor, answer.has_errors)


class Guard:
    """The same for every transport."""

    def __init__(self, max_cost: int, purse: Callable[[], Purse] | None) -> None:
        self._max_cost, self._purse = max_cost, purse

    async def admit(self, demand: Demand, variables: Mapping[str, object], asker: Asker) -> Charge:
        """Let the operation pass. Raises Failure (FORBIDDEN), CostLimitExceeded and RateLimited."""
        if asker.principal is not None and (errors := refusals(demand.needs, asker.principal)):
            raise Failure(errors, Forbidden.status)
        requested = max(1, demand.cost.points(variables))
        if requested > self._max_cost:
            raise CostLimitExceeded(requested, self._max_cost)
        balance = await self._spend(demand, variables, asker, requested)
        return Charge(requested, self._max_cost, balance, shown=self._purse is not None)

    async def pay(self, asker: Asker, points: int) -> None:
        """For what is asked beside an operation. Raises RateLimited."""
        if self._purse is not None:
            await self._purse().spend(asker.principal, asker.address, points)

    async def _spend(
        self, demand: Demand, variables: Mapping[str, object], asker: Asker, points: int
    ) -> Balance | None:
        if self._purse is None:
            return None
        try:
            return await self._purse().spend(asker.principal, asker.address, points)
        except RateLimited:
            mutations = demand.repeatable(variables, asker.idempotency_key)
            if asker.principal is None or not mutations:
                raise
            balance = await self._purse().spend_on_replay(asker.principal, mutations, points)
            if balance is None:
                raise
            return balance
