"""Asking the application in this process, as one user or another."""

from __future__ import annotations

from typing import Any

import httpx2

from resolvers.services import Services
from resolvers.users import ensure_user
from tests.client import Client

TASK = "id number title description priority dueAt completed completedAt version"
CREATE = f"""
mutation ($input: CreateTaskInput!) {{
  createTask(input: $input) {{
    __typename
    ... on CreateTaskSuccess {{ replayed task {{ {TASK} }} }}
    ... on InvalidInput {{ issues {{ path message }} }}
    ... on UserError {{ code message path }}
  }}
}}"""
SCHEDULE = """
mutation ($input: CreateScheduleInput!) {
  createSchedule(input: $input) {
    __typename
    ... on CreateScheduleSuccess {
      replayed
      schedule { id cron timeZone input priority remaining nextRunAt createdAt }
    }
    ... on InvalidInput { issues { path message } }
    ... on UserError { code }
  }
}"""
START = """
mutation ($input: StartExecutionInput!) {
  startExecution(input: $input) {
    __typename
    ... on StartExecutionSuccess { replayed cursor execution { id status cursor queuePosition } }
    ... on InvalidInput { issues { path message } }
    ... on UserError { code message path }
  }
}"""
AGENT = """
mutation ($input: CreateAgentInput!) {
  createAgent(input: $input) {
    __typename
    ... on CreateAgentSuccess {
      replayed
      agent {
        id name instructions model temperature maxSteps approvalRequired version archivedAt
        subagents { id name }
      }
    }
    ... on InvalidInput { issues { path message } }
    ... on UserError { code message path }
  }
}"""
CONVERSATION = """
mutation ($input: CreateConversationInput!) {
  createConversation(input: $input) {
    __typename
    ... on CreateConversationSuccess {
      replayed
      conversation { id title cursor agent { id } messages { totalCount nodes { id role content } } }
    }
    ... on InvalidInput { issues { path message } }
    ... on UserError { code message path }
  }
}"""
AWAIT = """
query ($id: ID!) {
  awaitExecution(id: $id, timeoutMs: 20000) {
    timedOut
    execution {
      id status endReason result error attempt progress { percent message }
      steps(first: 100) {
        totalCount nodes { id number kind status toolName input result text error attempt }
      }
      events(first: 1000) {
        nodes {
          __typename seq
          ... on ExecutionStatusChanged { status }
          ... on ProgressReported { progress { percent } }
        }
      }
    }
  }
}"""


class Api:
    """The application, and who asks it."""

    def __init__(self, services: Services, http: httpx2.AsyncClient) -> None:
        self.services, self._http = services, http

    async def user(self, email: str = "ada@example.com") -> User:
        """Somebody with a token."""
        row = await ensure_user(self.services.db, email)
        token, _ = self.services.tokens.issue(row.id)
        return User(Client(self._http, token), row.id)

    @property
    def anonymous(self) -> Client:
        """Somebody without."""
        return Client(self._http, None)


class User(Client):
    """A user, and the errands that tests send them on."""

    def __init__(self, client: Client, user_id: Any) -> None:
        super().__init__(client._http, client._token)
        self.id = user_id

    async def create(self, title: str = "Buy milk", **fields: Any) -> dict[str, Any]:
        """The task of a createTask that succeeds."""
        done = await self.one(CREATE, input={"title": title, **fields})
        assert done["__typename"] == "CreateTaskSuccess", done
        return done["task"]

    async def agent(self, name: str, **fields: Any) -> dict[str, Any]:
        """The agent of a createAgent that succeeds."""
        done = await self.one(AGENT, input={"name": name, **fields})
        assert done["__typename"] == "CreateAgentSuccess", done
        return done["agent"]

    async def schedule(self, cron: str, text: str, **fields: Any) -> dict[str, Any]:
        """The schedule of a createSchedule that succeeds."""
        done = await self.one(SCHEDULE, input={"cron": cron, "input": text, **fields})
        assert done["__typename"] == "CreateScheduleSuccess", done
        return done["schedule"]

    async def conversation(self, **fields: Any) -> dict[str, Any]:
        """The conversation of a createConversation that succeeds."""
        done = await self.one(CONVERSATION, input=fields)
        assert done["__typename"] == "CreateConversationSuccess", done
        return done["conversation"]

    async def start(self, text: str, **fields: Any) -> dict[str, Any]:
        """The answer of a startExecution that succeeds."""
        done = await self.one(START, input={"input": text, **fields})
        assert done["__typename"] == "StartExecutionSuccess", done
        return done

    async def finished(self, execution_id: str) -> dict[str, Any]:
        """The run once it has ended, within a minute."""
        answer = await self.one(AWAIT, id=execution_id)
        for _ in range(2):
            if answer["timedOut"]:
                answer = await self.one(AWAIT, id=execution_id)
        assert not answer["timedOut"], answer
        return answer["execution"]
