"""Asks the task agent over the API."""

from __future__ import annotations

from typing import Any

from tests.api import User

ASK = """
mutation ($input: AskTaskAgentInput!) {
  askTaskAgent(input: $input) {
    __typename
    ... on TaskAgentAnswer {
      response outcome confirmToken replayed
      metadata { intent toolCalled toolArguments confidence executionTimeMs }
      tasks { number title completed priority dueAt }
      candidates { similarity task { number title } }
    }
    ... on InvalidInput { issues { path message } }
    ... on UserError { code path message }
  }
}"""


async def ask(user: User, message: str, **given: Any) -> dict[str, Any]:
    answer = await user.one(ASK, input={"message": message, **given})
    assert answer["__typename"] == "TaskAgentAnswer", answer
    return answer


async def titles(user: User) -> list[str]:
    found = await user.one("{ tasks(orderBy: {field: CREATED_AT, direction: ASC}) { nodes { title } } }")
    return [node["title"] for node in found["nodes"]]
