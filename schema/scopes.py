"""Which scope each field needs, in one table: who reads it knows what a token can do.

A field of Query, Mutation or Subscription needs what stands here. An object that is kept (a task, a run, …)
needs the scope of its kind wherever it is reached, and so do its pages. Whatever else there is (a result of a
mutation, a frame of a stream, an event, a problem) needs what the field needs that led to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from graphql import (
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
)
from graphql.type import GraphQLNamedType

from ids import Kind
from scopes import Scope

OPEN: frozenset[Scope] = frozenset()
"Needs no scope: for who has no token yet, and for what is nobody's."
BY_ID = OPEN
"Needs the scope of the kind that the id is of: `schema.nodes` asks for it."


def _all(*scopes: Scope) -> frozenset[Scope]:
    return frozenset(scopes)


ROOTS: Mapping[str, frozenset[Scope]] = {
    "Query.viewer": _all(Scope.PROFILE_READ),
    "Query.node": BY_ID,
    "Query.nodes": BY_ID,
    "Query.rateLimit": OPEN,
    "Query.task": _all(Scope.TASKS_READ),
    "Query.tasks": _all(Scope.TASKS_READ),
    "Query.agent": _all(Scope.AGENTS_READ),
    "Query.agents": _all(Scope.AGENTS_READ),
    "Query.tools": _all(Scope.TOOLS_READ),
    "Query.toolServers": _all(Scope.TOOLS_READ),
    "Query.conversation": _all(Scope.CONVERSATIONS_READ),
    "Query.conversations": _all(Scope.CONVERSATIONS_READ),
    "Query.execution": _all(Scope.RUNS_READ),
    "Query.executions": _all(Scope.RUNS_READ),
    "Query.awaitExecution": _all(Scope.RUNS_READ),
    "Query.schedules": _all(Scope.RUNS_READ),
    "Query.interrupts": _all(Scope.RUNS_READ),
    "Mutation.signUp": OPEN,
    "Mutation.signIn": OPEN,
    "Mutation.refreshSession": OPEN,
    "Mutation.signOut": OPEN,
    "Mutation.createTask": _all(Scope.TASKS_WRITE),
    "Mutation.updateTask": _all(Scope.TASKS_WRITE),
    "Mutation.deleteTask": _all(Scope.TASKS_WRITE),
    "Mutation.askTaskAgent": _all(Scope.TASKS_WRITE),
    "Mutation.createAgent": _all(Scope.AGENTS_WRITE),
    "Mutation.updateAgent": _all(Scope.AGENTS_WRITE),
    "Mutation.archiveAgent": _all(Scope.AGENTS_WRITE),
    "Mutation.createConversation": _all(Scope.CONVERSATIONS_WRITE),
    "Mutation.updateConversation": _all(Scope.CONVERSATIONS_WRITE),
    "Mutation.deleteConversation": _all(Scope.CONVERSATIONS_WRITE),
    "Mutation.sendMessage": _all(Scope.CONVERSATIONS_WRITE),
    "Mutation.startExecution": _all(Scope.RUNS_WRITE),
    "Mutation.startPipeline": _all(Scope.RUNS_WRITE),
    "Mutation.cancelExecution": _all(Scope.RUNS_WRITE),
    "Mutation.retryExecution": _all(Scope.RUNS_WRITE),
    "Mutation.answerInterrupts": _all(Scope.INTERRUPTS_WRITE),
    "Mutation.createSchedule": _all(Scope.RUNS_WRITE),
    "Mutation.deleteSchedule": _all(Scope.RUNS_WRITE),
    "Mutation.registerToolServer": _all(Scope.TOOLS_WRITE),
    "Mutation.removeToolServer": _all(Scope.TOOLS_WRITE),
    "Subscription.executionStream": _all(Scope.RUNS_READ),
    "Subscription.conversationStream": _all(Scope.CONVERSATIONS_READ, Scope.RUNS_READ),
    # All that it may tell of: leaving out what a token must not see would tear holes into the order.
    "Subscription.activityStream": _all(
        Scope.PROFILE_READ, Scope.TASKS_READ, Scope.RUNS_READ, Scope.CONVERSATIONS_READ
    ),
}

KINDS: Mapping[str, Scope] = {
    "User": Scope.PROFILE_READ,
    "Task": Scope.TASKS_READ,
    "Execution": Scope.RUNS_READ,
    "Step": Scope.RUNS_READ,
    "Interrupt": Scope.RUNS_READ,
    "Schedule": Scope.RUNS_READ,
    "Conversation": Scope.CONVERSATIONS_READ,
    "Message": Scope.CONVERSATIONS_READ,
    "Agent": Scope.AGENTS_READ,
    "Tool": Scope.TOOLS_READ,
    "ToolServer": Scope.TOOLS_READ,
}
"Of the objects that are kept, by the name of their type."

_PAGES = ("nodes", "node")


def access_to(schema: GraphQLSchema) -> dict[str, frozenset[Scope]]:
    """The scopes that each field needs, by `Type.field`; fields that need none are left out."""
    needed = {
        f"{kind.name}.{name}": _of_field(kind.name, name, field)
        for kind in schema.type_map.values()
        if isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items()
    }
    return {name: scopes for name, scopes in needed.items() if scopes}


def scope_of_id(kind: Kind) -> Scope:
    """What it takes to look up an object by an id of this kind."""
    return KINDS["".join(word.capitalize() for word in kind.name.split("_"))]


def _of_field(parent: str, name: str, field: GraphQLField) -> frozenset[Scope]:
    own, brought = KINDS.get(parent), _kind_scope(field)
    return ROOTS.get(f"{parent}.{name}", OPEN).union(_present(own, brought))


def _kind_scope(field: GraphQLField) -> Scope | None:
    """Of what the field brings: an object that is kept, or a page of such."""
    named = _named(cast("object", field.type))
    pages = (
        [named.fields[one] for one in _PAGES if one in named.fields]
        if isinstance(named, GraphQLObjectType)
        else []
    )
    brought = [named, *(_named(cast("object", one.type)) for one in pages)]
    return next((KINDS[one.name] for one in brought if one.name in KINDS), None)


def _named(kind: object) -> GraphQLNamedType:
    """Without its `!` and `[]`."""
    while isinstance(kind, GraphQLList | GraphQLNonNull):
        kind = cast("object", kind.of_type)
    return cast("GraphQLNamedType", kind)


def _present(*scopes: Scope | None) -> Iterable[Scope]:
    return (scope for scope in scopes if scope is not None)
