"""What the tests of interrupts send, and how they wait."""

from __future__ import annotations

from typing import Any

from tests.api import User

INTERRUPT = """
  id reason prompt toolName arguments responseSchema status decision answer comment answeredAt expiresAt
  execution { id status } step { number status toolName }
"""
RUN = f"""
query ($id: ID!) {{
  awaitExecution(id: $id, timeoutMs: 20000) {{
    timedOut
    execution {{
      id status endReason result error attempt
      interrupts {{ {INTERRUPT} }}
      steps(first: 100) {{ nodes {{ number kind status toolName input result error attempt }} }}
      events(first: 1000) {{
        nodes {{
          __typename seq
          ... on ExecutionStatusChanged {{ status }}
          ... on InterruptOpened {{ interrupt {{ id status }} }}
          ... on InterruptClosed {{ interrupt {{ id status }} }}
        }}
      }}
    }}
  }}
}}"""
ANSWER = f"""
mutation ($input: AnswerInterruptsInput!) {{
  answerInterrupts(input: $input) {{
    results {{
      __typename
      ... on AnswerAccepted {{ replayed interrupt {{ {INTERRUPT} }} }}
      ... on AlreadyAnswered {{ code path interrupt {{ id status decision }} }}
      ... on InvalidInput {{ issues {{ path message }} }}
      ... on UserError {{ code message path }}
    }}
  }}
}}"""
INBOX = f"""
query ($status: InterruptStatus = OPEN, $first: Int, $after: String) {{
  interrupts(status: $status, first: $first, after: $after) {{
    totalCount pageInfo {{ hasNextPage endCursor }} nodes {{ {INTERRUPT} }}
  }}
}}"""


async def settled(user: User, execution_id: str) -> dict[str, Any]:
    """The run once it has ended or needs a person."""
    answer = await user.one(RUN, id=execution_id)
    assert not answer["timedOut"], answer
    return answer["execution"]


async def asked(user: User, execution_id: str) -> list[dict[str, Any]]:
    """What the run asks once it needs a person."""
    run = await settled(user, execution_id)
    assert run["status"] == "AWAITING_INPUT", run
    return [one for one in run["interrupts"] if one["status"] == "OPEN"]


async def answer(user: User, *answers: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    """The results of these answers."""
    return (await user.one(ANSWER, input={"answers": list(answers), **more}))["results"]


async def inbox(user: User, **variables: Any) -> list[dict[str, Any]]:
    return (await user.one(INBOX, **variables))["nodes"]
