"""Both ways to an answer: by plan, and by graphql-core alone."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from graphql.execution.values import VariableValues

from auth import Principal, utc_now
from edge import masking
from edge.documents import Operation
from edge.door import Door, RequestFacts
from edge.execution import Caller, Executions
from edge.plans.plan import Plan, Unfinished
from edge.plans.plans import Plans
from edge.requests import GraphQLRequest
from resolvers.services import Services
from schema.context import Context
from schema.root import schema

_INSTANT = re.compile(rb"20[2-9]\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


@dataclass
class Taken:
    """How often a plan found the answer, left it to graphql-core, or was not to be had."""

    plan: int = 0
    unfinished: int = 0
    none: int = 0


class EagerPlans(Plans):
    """Plans an operation when it comes for the first time, and counts."""

    def __init__(self) -> None:
        super().__init__(schema)
        self.taken = Taken()

    def find(self, operation: Operation, variables: VariableValues) -> Plan | None:
        super().find(operation, variables)
        plan = super().find(operation, variables)
        if plan is None:
            self.taken.none += 1
            return None
        return _Counted(plan, self.taken)


class _Counted(Plan):
    def __init__(self, plan: Plan, taken: Taken) -> None:
        self._plan, self._taken = plan, taken

    async def carry_out(self, context: object, variables: VariableValues) -> Any:
        answer = await self._plan.carry_out(context, variables)
        if isinstance(answer, Unfinished):
            self._taken.unfinished += 1
        else:
            self._taken.plan += 1
        return answer


class NoPlans(Plans):
    """Leaves everything to graphql-core."""

    def find(self, operation: Operation, variables: VariableValues) -> Plan | None:
        return None


class Road:
    """One of the two ways, for one user after another."""

    def __init__(self, services: Services, plans: Plans) -> None:
        def context(principal: Principal | None, facts: RequestFacts) -> Context:
            return Context(services, principal, facts.idempotency_key, facts.address, facts.more_time)

        async def nobody(_: str | None) -> None:
            return None

        self._executions = Executions(schema, services.settings, Door(nobody, context))
        self._executions._plans = plans

    async def answer(self, user_id: Any, document: str, variables: dict[str, Any] | None = None) -> bytes:
        """The JSON of the answer, to a user or (None) to nobody in particular."""
        caller = Caller(
            None if user_id is None else Principal(user_id, utc_now() + timedelta(hours=1)),
            "the-request",
            "127.0.0.1",
        )
        try:
            request = GraphQLRequest.of({"query": document, "variables": variables})
            operation = await self._executions.select(request, caller)
            return (await self._executions.run(operation, request.variables, caller)).body
        except Exception as error:
            return orjson.dumps({"refused": masking.failure(error, caller.request_id).errors})


def _timeless(answer: bytes) -> bytes:
    """Without the instants of this moment, which two answers cannot have in common."""
    now = utc_now()

    def fact(match: re.Match[bytes]) -> bytes:
        with contextlib.suppress(ValueError):  # a wrong one, told as it was sent
            if abs((datetime.fromisoformat(match[0].decode()) - now).total_seconds()) < 100:
                return b"now"
        return match[0]

    return _INSTANT.sub(fact, _in_order(answer))


def _in_order(answer: bytes) -> bytes:
    """With several errors in an order of ours: fields that are under way together fail in any."""
    found = orjson.loads(answer)
    if len(found.get("errors") or ()) < 2:
        return answer
    return orjson.dumps({**found, "errors": sorted(found["errors"], key=orjson.dumps)})


def _say_the_same(one: bytes, other: bytes) -> bool:
    """Whether two answers do, as far as they must.

    Where a failure takes the whole answer along, whatever else fails meanwhile is told only if it was sooner.
    """
    if _timeless(one) == _timeless(other):
        return True
    found = [orjson.loads(answer) for answer in (one, other)]
    if any("data" not in answer or answer["data"] is not None for answer in found):
        return False
    mine, theirs = ({error["extensions"]["code"] for error in answer["errors"]} for answer in found)
    return bool(mine & theirs)


class Roads:
    """Both, over the same rows."""

    def __init__(self, services: Services) -> None:
        plans = EagerPlans()
        self.taken = plans.taken
        self.planned, self.plain = Road(services, plans), Road(services, NoPlans(schema))

    async def agree(self, user_id: Any, document: str, variables: dict[str, Any] | None = None) -> bytes:
        """The answer that both give, to the byte."""
        planned = await self.planned.answer(user_id, document, variables)
        plain = await self.plain.answer(user_id, document, variables)
        assert _say_the_same(planned, plain), (
            f"{document}\n{variables}\n\nby plan: {planned!r}\n\nplain:   {plain!r}"
        )
        return planned
