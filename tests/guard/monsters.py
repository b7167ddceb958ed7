"""Documents that are made to be expensive: each as large as the limits let it be, and beyond."""

from __future__ import annotations

from collections.abc import Iterator

from tests.guard.parts import SCHEMA

TOKENS = 1_500


def _repeated(piece: str, tokens: int, head: str = "{ ", tail: str = " }") -> str:
    """As many as there is room for."""
    return head + f"{piece} " * ((TOKENS - 20) // tokens) + tail


def _fragments(count: int, inside: str, on: str = "Query") -> str:
    return " ".join(f"fragment F{n} on {on} {{ {inside.format(n=n, next=n + 1)} }}" for n in range(count))


def _grid(width: int, depth: int, leaf: str = "id") -> str:
    """Inline fragments of the same fields, side by side and inside each other."""
    inner = leaf
    for _ in range(depth):
        inner = "... { " + f"executions {{ nodes {{ task {{ {inner} }} }} }} " * width + "}"
    return inner


def _union(width: int) -> str:
    """Fields of the same name on every type of a union: each is compared with each."""
    union = SCHEMA.type_map["CreateTaskResult"]
    kinds = [one.name for one in SCHEMA.get_possible_types(union)]  # type: ignore[arg-type]
    pieces = " ".join(f"... on {kinds[n % len(kinds)]} {{ a{n % 29}: __typename }}" for n in range(width))
    return f'mutation {{ createTask(input: {{title: "a"}}) {{ {pieces} }} }}'


def monsters() -> Iterator[tuple[str, str]]:
    """A name and a document, each."""
    yield "fields of one name", _repeated("viewer { id }", 4)
    yield "fields of many names", _repeated("viewer { id name email createdAt }", 7)
    yield (
        "few repetitions, deep",
        "{ " + "tasks { nodes { executions { nodes { steps { nodes { id } } } } } } " * 30 + "}",
    )
    yield "aliases", "{ " + " ".join(f"a{n}: viewer {{ id }}" for n in range(30)) + " }"
    yield "aliases beyond", "{ " + " ".join(f"a{n}: viewer {{ id }}" for n in range(240)) + " }"
    yield "inline fragments", _repeated("... on Query { viewer { id } }", 8)
    yield "nested inline fragments", "{ " + "... { " * 700 + "__typename" + " }" * 700 + " }"
    yield "inline fragments in a grid", "{ tasks { nodes { " + _grid(4, 3) + " } } }"
    yield "inline fragments in a wide grid", "{ tasks { nodes { " + _grid(10, 2) + " } } }"
    yield "a union's members", _union(200)
    yield (
        "a chain of fragments",
        "{ ...F0 } " + _fragments(180, "...F{next}") + " fragment F180 on Query { viewer { id } }",
    )
    yield (
        "a short chain of fragments",
        "{ ...F0 } "
        + _fragments(30, "viewer {{ id }} ...F{next}")
        + " fragment F30 on Query { viewer { id } }",
    )
    yield (
        "fragments that double",
        "{ ...F0 } " + _fragments(60, "...F{next} ...F{next}") + " fragment F60 on Query { viewer { id } }",
    )
    yield (
        "fragments that are all spread",
        "{ " + " ".join(f"...F{n}" for n in range(29)) + " } " + _fragments(29, "viewer {{ id name email }}"),
    )
    yield (
        "fragments that spread each other",
        "{ "
        + " ".join(f"...F{n}" for n in range(20))
        + " } "
        + _fragments(20, "tasks {{ nodes {{ id title number }} }}"),
    )
    yield (
        "a circle of fragments",
        "{ ...F0 } " + _fragments(150, "...F{next}") + " fragment F150 on Query { ...F0 }",
    )
    yield (
        "a knot of fragments",
        "{ ...F0 } "
        + " ".join(
            f"fragment F{n} on Query {{ {' '.join(f'...F{m}' for m in range(25))} }}" for n in range(25)
        ),
    )
    yield "fragments that nobody spreads", "{ viewer { id } } " + _fragments(200, "viewer {{ id }}")
    yield "unknown fragments", _repeated("...Nobody", 2)
    yield "unknown fields", _repeated("nobody", 1)
    yield "unknown fields nearly right", _repeated("taskz", 1)
    yield "long unknown fields", "{ " + " ".join("task" * 20 + str(n) for n in range(1_000)) + " }"
    yield (
        "unknown arguments",
        "{ tasks(" + " ".join(f"frist{n}: 1" for n in range(480)) + ") { totalCount } }",
    )
    yield "unknown types", " ".join(f"query Q{n}($a: Tsk{n}) {{ __typename }}" for n in range(130))
    yield (
        "unknown input fields",
        "{ tasks(filter: {" + " ".join(f"priorty{n}: 1" for n in range(480)) + "}) { totalCount } }",
    )
    yield "directives", _repeated("viewer @include(if: true) { id }", 10)
    yield "directives of one field", "{ viewer " + "@include(if: true) " * 200 + "{ id } }"
    yield "unknown directives", "{ viewer " + "@nobody " * 700 + "{ id } }"
    yield "operations", " ".join(f"query Q{n} {{ viewer {{ id }} }}" for n in range(180))
    yield "operations of one name", "query Q { viewer { id } } " * 180
    yield "variables", "query (" + " ".join(f"$v{n}: Int" for n in range(360)) + ") { viewer { id } }"
    yield "variables of one name", "query (" + "$v: Int " * 360 + ") { viewer { id } }"
    yield (
        "variables with defaults",
        "query (" + " ".join(f"$v{n}: Int = {n}" for n in range(200)) + ") { viewer { id } }",
    )
    yield (
        "variables in operations that share fragments",
        " ".join(f"query Q{n}($a: Int) {{ ...F0 }}" for n in range(80))
        + " "
        + _fragments(20, "tasks(first: $a) {{ totalCount }} ...F{next}")
        + " fragment F20 on Query { __typename }",
    )
    yield "a list of ids", "{ nodes(ids: [" + '"x" ' * 1_400 + "]) { id } }"
    yield "nested lists", "{ nodes(ids: " + "[" * 700 + "]" * 700 + ") { id } }"
    yield (
        "nested objects",
        "{ executions(filter: {metadata: " + "{a: " * 350 + "1" + "}" * 350 + "}) { totalCount } }",
    )
    yield (
        "an object with many fields",
        "{ executions(filter: {metadata: {"
        + " ".join(f"k{n}: {n}" for n in range(450))
        + "}}) { totalCount } }",
    )
    yield (
        "an object with one field often",
        "{ executions(filter: {metadata: {" + "k: 1 " * 450 + "}}) { totalCount } }",
    )
    yield (
        "arguments that conflict",
        "{ " + " ".join(f"tasks(first: {n}) {{ totalCount }}" for n in range(30)) + " }",
    )
    yield (
        "objects that conflict",
        "{ "
        + " ".join(f"tasks(filter: {{search: {n}, completed: true}}) {{ totalCount }}" for n in range(30))
        + " }",
    )
    yield "deep", "{ " + "tasks { nodes { executions { nodes { task { " * 2 + "id" + " } } } } } " * 2 + "}"
    yield (
        "too deep",
        "{ tasks { nodes { " + "executions { nodes { task { " * 150 + "id" + " } } } " * 150 + "} } }",
    )
    yield (
        "introspection",
        "{ __schema { "
        + "types { fields { name type { name ofType { name ofType { name } } } args { name } } } " * 25
        + "} }",
    )
    yield (
        "deep introspection",
        "{ __schema { types { " + "fields { type { " * 100 + "name" + " } } " * 100 + "} } }",
    )
    yield "a long string", '{ node(id: "' + "x" * 200_000 + '") { id } }'
    yield "a block string", '{ node(id: """' + "\n  x" * 50_000 + '""") { id } }'
    yield "a long name", "{ " + "x" * 200_000 + " }"
    yield "a long number", "{ tasks(first: " + "9" * 100_000 + ") { totalCount } }"
    yield "a comment", "#" + "x" * 250_000 + "\n{ viewer { id } }"
    yield "comments", "#\n" * 100_000 + "{ viewer { id } }"
    yield "white space", " ,\n\t" * 60_000 + "{ viewer { id } }"
    yield "brackets", "{" * 100_000
    yield "subscriptions", "subscription { " + "executionStream(id: 1) { __typename } " * 100 + "}"
