"""What the SDL says of names that are the same everywhere, and of enums that lower rooms own.

What only one field has to say stands beside that field.
"""

from __future__ import annotations

from collections.abc import Mapping

import strawberry
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
)

COMMON: Mapping[str, str] = {
    "id": "Opaque, and unique over all types.",
    "createdAt": "When it was made.",
    "updatedAt": "When it last changed.",
    "startedAt": "When it began.",
    "expiresAt": "When it ends by itself.",
    "at": "When it happened.",
    "seq": "Its place in the log: ascending, the first is 1.",
    "cursor": "Where this stands: pass it as `after` to go on behind it.",
    "node": "The object itself.",
    "nodes": "The objects of this page.",
    "edges": "The objects of this page, each with its cursor.",
    "pageInfo": "Where this page lies in the list.",
    "first": "So many from the start, 100 at most.",
    "after": "Begin behind this cursor.",
    "last": "So many from the end, 100 at most.",
    "before": "End before this cursor.",
    "from": "Where to begin without `after`: at the START of the log, or NOW.",
    "filter": "All are listed where this is left out.",
    "orderBy": "CREATED_AT, newest first, where this is left out.",
    "input": "What is asked for.",
    "by": "One of the two.",
    "replayed": "True when this answers a repeated request and nothing was done again.",
    "deleted": "False where there was nothing to delete any more.",
    "idempotencyKey": "Up to 255 characters. The same key with the same input again is done once; the header "
    "`Idempotency-Key` serves as well.",
    "expectedVersion": "VersionConflict where the object is at another version.",
    "status": "Where it stands.",
    "reason": "Why.",
    "name": "For people.",
    "title": "For people, up to 500 characters.",
    "description": "Up to 10,000 characters; null where there is none.",
    "message": "For people.",
    "code": "Stable and machine-readable.",
    "priority": "What goes first when not everything can.",
    "longHistory": "What becomes of the oldest messages where they are more than the model takes.",
    "dueAt": "By when it is to be done.",
    "completed": "Whether it is done.",
    "email": "Of one account only, whatever its upper and lower case.",
    "password": "At least 12 characters.",
    "timeZone": "IANA name.",
    "instructions": "What the model is told before everything else.",
    "model": "`rules`, or `provider:model`.",
    "temperature": "0 to 2; null leaves it to the provider.",
    "maxSteps": "The most steps that a run takes.",
    "toolNames": "The tools that the agent has.",
    "approvalRequired": "Names of tools that wait for a person before each call.",
    "subagentIds": "Agents that it may call, as tools named `ask_<name>`.",
    "metadata": "Any JSON object of yours.",
    "deadline": "Fail with DEADLINE_EXCEEDED when not finished by then.",
    "session": "The new session.",
    "user": "Whose it is.",
    "agent": "The agent as it is now.",
    "agentId": "Of an agent.",
    "task": "The task as it is now.",
    "taskId": "Of a task.",
    "execution": "The run as it is now.",
    "executionId": "Of the run that this is about.",
    "conversation": "The conversation as it is now.",
    "conversationId": "Of a conversation.",
    "interrupt": "The interrupt as it is now.",
    "interruptId": "Of an interrupt.",
    "schedule": "The schedule as it is now.",
    "toolServer": "The server as it is now.",
    "step": "The step as it is now.",
    "progress": "How far it is.",
    "endReason": "Null until the run has ended.",
    "decision": "What is decided.",
    "results": "In the order of the answers.",
    "active": "The run that is active.",
    "includeArchived": "Archived ones, too.",
    "timeoutMs": "Milliseconds: 0 to 30,000.",
    "ids": "At most 100.",
    "direction": "Which way.",
    "onActive": "What becomes of it where a run of the conversation is active.",
    "field": "By what.",
    "kind": "What sort of thing it is.",
}
"By the name of a field or an argument."

VALUES: Mapping[str, Mapping[str, str]] = {
    "ChangeKind": {
        "CREATED": "It is new.",
        "UPDATED": "It is another version.",
        "DELETED": "It is gone.",
    },
    "Decision": {
        "APPROVE": "Go on as it was proposed.",
        "EDIT": "Go on with other `arguments`.",
        "DENY": "Do not.",
        "RESPOND": "Here is the answer, as `value`.",
    },
    "Disposition": {
        "STARTED": "A run has begun to answer it.",
        "QUEUED": "It is answered after the active run.",
        "STEERED": "The active run hears it.",
        "SUPERSEDED_PREVIOUS": "The active run is stopped, and this is answered.",
    },
    "EndReason": {
        "FINAL_ANSWER": "It has its answer.",
        "MAX_STEPS": "It was not done within the steps that its agent may take.",
        "BUDGET_EXCEEDED": "Its budget was used up, and nobody raised it.",
        "DEADLINE_EXCEEDED": "It was not done in time.",
        "TOOL_ERROR": "A tool failed for good.",
        "MODEL_ERROR": "The model failed for good.",
        "ATTEMPTS_EXHAUSTED": "Every attempt ended with the loss of its worker.",
        "EFFECT_UNKNOWN": "Nobody could say whether a call took effect.",
        "INPUT_EXPIRED": "Nobody answered what it asked.",
        "CANCELLED_BY_USER": "Somebody stopped it.",
        "SUPERSEDED": "A newer message took its place.",
        "INTERNAL_ERROR": "A bug of ours; the operator's logs tell more.",
    },
    "ExecutionStatus": {
        "SCHEDULED": "Its time has not come yet.",
        "QUEUED": "It waits for a worker.",
        "RUNNING": "It is carried on, or waits for runs that it has started.",
        "AWAITING_INPUT": "It needs a person. No worker is held.",
        "CANCELLING": "It was asked to stop, and has not stopped yet.",
        "COMPLETED": "It has its answer. Nothing follows.",
        "FAILED": "It could not go on: `endReason` and `error` say why. Nothing follows.",
        "CANCELLED": "It was stopped. Nothing follows.",
    },
    "InterruptReason": {
        "TOOL_APPROVAL": "A tool wants to be called.",
        "QUESTION": "The agent has a question.",
        "BUDGET": "The budget is used up.",
        "EFFECT_VERIFICATION": "A crash has hidden what became of a call.",
    },
    "InterruptStatus": {
        "OPEN": "It waits.",
        "ANSWERED": "Somebody has answered.",
        "EXPIRED": "Nobody has, in time.",
        "CANCELLED": "Its run has ended otherwise.",
    },
    "LongHistory": {
        "TRIM": "They are left out, and the model is told how many are missing.",
        "SUMMARIZE": "They are summarised in a step of the run, and the summary is kept.",
    },
    "MessageRole": {
        "SYSTEM": "What the model is told about its part.",
        "USER": "A person.",
        "ASSISTANT": "The agent.",
        "TOOL": "What a tool came to.",
    },
    "OnActive": {
        "REJECT": "Keep nothing: ExecutionActive.",
        "ENQUEUE": "Answer it after the active run.",
        "INTERRUPT": "Stop the active run, and answer it.",
        "STEER": "Let the active run hear it before its next step.",
    },
    "OrderDirection": {"ASC": "Smallest, oldest first.", "DESC": "Largest, newest first."},
    "Priority": {
        "LOW": "After all others.",
        "MEDIUM": "What is usual.",
        "HIGH": "Before all others.",
    },
    "ScheduleProblemCode": {
        "AGENT_ARCHIVED": "Its agent is archived.",
        "INVALID_INPUT": "What it asks is no longer accepted.",
        "INTERNAL_ERROR": "A bug of ours; the operator's logs tell more.",
    },
    "StepKind": {
        "THINKING": "The model has said something on its way.",
        "TOOL_CALL": "A tool is called.",
        "FINAL_ANSWER": "The model has answered.",
        "SUMMARY": "The model has summarised what is too long for it.",
    },
    "StepStatus": {
        "RUNNING": "It has begun.",
        "COMPLETED": "It is done.",
        "FAILED": "It failed; the model has read how.",
        "UNKNOWN": "It had begun when its worker was lost, and nobody can say whether it took effect.",
    },
    "StreamCloseReason": {
        "TERMINAL": "The run is over: nothing more will come.",
        "AUTH_EXPIRED": "Come back with a fresh token.",
        "FORBIDDEN": "The stream, or the account, is gone.",
        "SERVER_DRAINING": "Come back at once: another server takes over.",
        "SLOW_CONSUMER": "No frame was accepted for too long: come back when you can take more.",
    },
    "StreamFrom": {"START": "The first event of the log.", "NOW": "What happens from now on."},
    "StreamResetCause": {
        "CURSOR_EXPIRED": "What came after the cursor is not kept any more.",
        "LOG_TRUNCATED": "A failover of the database may have cut the log.",
    },
    "TaskAgentOutcome": {
        "DONE": "It is done.",
        "PLANNED": "With `dryRun`: this would be done.",
        "UNKNOWN_INTENT": "The sentence asks for nothing that is known. Nothing was done.",
        "TASK_NOT_FOUND": "No task is meant. Nothing was done.",
        "AMBIGUOUS_TASK": "Several tasks could be meant: `candidates`. Nothing was done.",
        "CONFIRMATION_REQUIRED": "Ask again with `confirmToken`. Nothing was done yet.",
    },
    "TaskIntent": {
        "CREATE": "add_task",
        "LIST": "list_tasks",
        "COMPLETE": "complete_task",
        "UPDATE": "update_task",
        "DELETE": "delete_task",
        "UNKNOWN": "None of them.",
    },
    "TaskOrderField": {
        "CREATED_AT": "When it was made.",
        "UPDATED_AT": "When it last changed.",
        "DUE_AT": "When it is due; tasks without come last.",
        "PRIORITY": "How urgent it is.",
        "TITLE": "By the alphabet.",
    },
    "ToolEffect": {
        "PURE": "Nothing: it reckons. It is made again.",
        "READ": "Nothing: it looks. It is made again.",
        "IDEMPOTENT_WRITE": "The same once more, under the same effect key. It is made again.",
        "NON_IDEMPOTENT": "Something twice. It is never made again by itself: a person is asked.",
    },
}
"By the name of an enum and of its value."

TYPES: Mapping[str, str] = {
    "ChangeKind": "What became of an object.",
    "StreamFrame": "What a stream is made of, in this order: docs/streams.md.",
    "Decision": "What a person says to an interrupt.",
    "Disposition": "What became of a message.",
    "EndReason": "Why a run has ended.",
    "ExecutionStatus": "Where a run stands.",
    "InterruptReason": "What a run needs a person for.",
    "InterruptStatus": "Where an interrupt stands.",
    "MessageRole": "Who says a message.",
    "OrderDirection": "Which way a list goes.",
    "Priority": "What goes first when not everything can.",
    "StepKind": "What a step does.",
    "StepStatus": "Where a step stands.",
    "StreamCloseReason": "Why a stream has ended, and whether to come back: docs/streams.md.",
    "StreamFrom": "Where a stream begins without a cursor.",
    "StreamResetCause": "Why a stream could not go on behind a cursor.",
    "TaskAgentOutcome": "What came of a sentence.",
    "TaskIntent": "What a sentence asks for, by the tool that does it.",
    "TaskOrder": "How a list of tasks is ordered. Its cursors hold for this order only.",
    "TaskOrderField": "What tasks are ordered by.",
}
"By the name of a type: enums that lower rooms own, and unions."


def describe(schema: strawberry.Schema) -> None:
    """Say of everything that says nothing itself what is known by its name."""
    inside: object = vars(schema)["_schema"]  # the graphql-core schema; Strawberry has no other name for it
    assert isinstance(inside, GraphQLSchema)
    for name, kind in inside.type_map.items():
        kind.description = kind.description or TYPES.get(name)
        if isinstance(kind, GraphQLEnumType):
            for value_name, value in kind.values.items():
                value.description = value.description or VALUES.get(name, {}).get(value_name)
        elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field_name, field in kind.fields.items():
                _describe(field_name, field)


def _describe(name: str, what: GraphQLField | GraphQLInputField | GraphQLArgument) -> None:
    what.description = what.description or COMMON.get(name)
    if isinstance(what, GraphQLField):
        for argument_name, argument in what.args.items():
            _describe(argument_name, argument)
