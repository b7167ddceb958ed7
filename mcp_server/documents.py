"""The operations that the tools are, and the fields that they bring."""

from __future__ import annotations

_TASK = "id number title description priority dueAt completed"
_RUN = (
    "id status endReason result error steps(first: 100) { nodes { number kind status toolName text error } }"
)
_PROBLEM = "... on UserError { code message } ... on InvalidInput { issues { message } }"

FIND_TASK = "query ($number: Int!) { task(by: { number: $number }) { id } }"
ADD_TASK = f"""mutation ($input: CreateTaskInput!) {{
  createTask(input: $input) {{ ... on CreateTaskSuccess {{ task {{ {_TASK} }} }} {_PROBLEM} }}
}}"""
LIST_TASKS = f"""query ($filter: TaskFilter, $first: Int!) {{
  tasks(filter: $filter, first: $first) {{ nodes {{ {_TASK} }} totalCount }}
}}"""
UPDATE_TASK = f"""mutation ($input: UpdateTaskInput!) {{
  updateTask(input: $input) {{ ... on UpdateTaskSuccess {{ task {{ {_TASK} }} }} {_PROBLEM} }}
}}"""
DELETE_TASK = f"""mutation ($input: DeleteTaskInput!) {{
  deleteTask(input: $input) {{ ... on DeleteTaskSuccess {{ deleted }} {_PROBLEM} }}
}}"""
ASK = f"""mutation ($input: AskTaskAgentInput!) {{
  askTaskAgent(input: $input) {{
    ... on TaskAgentAnswer {{ response outcome confirmToken tasks {{ {_TASK} }} }} {_PROBLEM}
  }}
}}"""
START = f"""mutation ($input: StartExecutionInput!) {{
  startExecution(input: $input) {{ ... on StartExecutionSuccess {{ execution {{ {_RUN} }} }} {_PROBLEM} }}
}}"""
GET = f"query ($id: ID!) {{ execution(id: $id) {{ {_RUN} }} }}"
AWAIT = f"""query ($id: ID!, $timeoutMs: Int!) {{
  awaitExecution(id: $id, timeoutMs: $timeoutMs) {{ execution {{ {_RUN} }} timedOut }}
}}"""
CANCEL = f"""mutation ($input: CancelExecutionInput!) {{
  cancelExecution(input: $input) {{
    ... on CancelConfirmed {{ execution {{ {_RUN} }} }}
    ... on CancelRequested {{ execution {{ {_RUN} }} }}
    ... on AlreadyTerminal {{ execution {{ {_RUN} }} }}
    {_PROBLEM}
  }}
}}"""
