"""A call that may not be repeated and has no known outcome is not made again silently: a person decides."""

from __future__ import annotations

import asyncio

import pytest

from engine.tools.tool import OPERATOR_SOURCE, Call, Effect, ExternalTool
from tests.api import Api, User
from tests.interrupts.asking import answer, asked, settled
from tests.scripted import Script, call, calls, make_agent, scripted, start

pytestmark = pytest.mark.anyio


class Bank:
    """Pays, and forgets to answer for so many calls."""

    def __init__(self, silent: int) -> None:
        self.paid: list[str] = []
        self._silent = silent

    async def pay(self, made: Call) -> object:
        self.paid.append(made.effect_key)
        if len(self.paid) <= self._silent:
            await asyncio.Event().wait()
        return {"receipt": len(self.paid)}

    @property
    def tool(self) -> ExternalTool:
        return ExternalTool(
            name="pay",
            description="Pays.",
            parameters={"type": "object"},
            effect=Effect.NON_IDEMPOTENT,
            timeout_seconds=0.2,
            source=OPERATOR_SOURCE,
            call=self.pay,
        )


async def paying(api: Api, ada: User) -> str:
    agent = await make_agent(api.services.db, ada.id, "payer")
    return await start(api.services, agent)


PAYER = {"payer": Script(calls(call("pay", amount=7)))}


async def test_nobody_pays_twice_without_being_told_to(api: Api) -> None:
    """The step is UNKNOWN, and the person says what came of it."""
    ada, bank = await api.user(), Bank(silent=1)
    async with scripted(api.services, PAYER, [bank.tool]):
        run = await paying(api, ada)
        (interrupt,) = await asked(ada, run)
        assert (interrupt["reason"], interrupt["step"]["status"]) == ("EFFECT_VERIFICATION", "UNKNOWN")
        assert interrupt["arguments"] == {"amount": 7}
        said = {"decision": "RESPOND", "value": {"receipt": "from the bank's site"}}
        await answer(ada, {"interruptId": interrupt["id"], **said})
        done = await settled(ada, run)

    assert len(bank.paid) == 1
    assert done["steps"]["nodes"][0]["status"] == "COMPLETED"
    assert done["steps"]["nodes"][0]["result"] == {"receipt": "from the bank's site"}


async def test_it_is_paid_again_when_the_person_says_so(api: Api) -> None:
    """With the same effect key; and where that is hidden too, the person is asked anew."""
    ada, bank = await api.user(), Bank(silent=2)
    async with scripted(api.services, PAYER, [bank.tool]):
        run = await paying(api, ada)
        (first,) = await asked(ada, run)
        await answer(ada, {"interruptId": first["id"], "decision": "APPROVE"})
        (second,) = await asked(ada, run)
        assert second["id"] != first["id"]
        await answer(ada, {"interruptId": second["id"], "decision": "APPROVE"})
        done = await settled(ada, run)

    assert len(bank.paid) == 3
    assert len(set(bank.paid)) == 1
    assert done["steps"]["nodes"][0]["result"] == {"receipt": 3}


async def test_it_may_be_left_at_that(api: Api) -> None:
    ada, bank = await api.user(), Bank(silent=1)
    async with scripted(api.services, PAYER, [bank.tool]):
        run = await paying(api, ada)
        (interrupt,) = await asked(ada, run)
        await answer(ada, {"interruptId": interrupt["id"], "decision": "DENY"})
        done = await settled(ada, run)

    assert len(bank.paid) == 1
    assert (done["status"], done["steps"]["nodes"][0]["status"]) == ("COMPLETED", "FAILED")
