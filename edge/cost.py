"""What an operation costs, in points, before it is carried out: about one for each object it may bring.

Read off the syntax tree once for each document. Where page sizes and conditions are variables, what is kept
is a tree of terms, and each request only puts its numbers in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, cast

from graphql import (
    BooleanValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    Undefined,
    ValueNode,
    VariableNode,
    is_composite_type,
    value_from_ast_untyped,
)
from graphql.type import GraphQLNamedType

Fragments: TypeAlias = Mapping[str, FragmentDefinitionNode]
Variables: TypeAlias = Mapping[str, object]

OBJECT = 1
MUTATION = 10
"For the transaction of a mutation's field, beside what it brings."
INTROSPECTION = 100
PAGE = 50
"What a list brings that names no size and has no default."
LIST = 10
"What a list without pages is taken to bring."
LARGEST = 1_000
"Beyond it a size is refused anyway, by whoever serves the list."

_PAGES = ("nodes", "edges")
_META = {"__schema", "__type"}


class Term(Protocol):
    """A part of the cost."""

    def points(self, variables: Variables) -> int:
        """Its value for these variables, as they were given."""
        ...


@dataclass(frozen=True, slots=True)
class Flat:
    """Costs the same whatever the variables."""

    value: int

    def points(self, variables: Variables) -> int:  # noqa: ARG002
        return self.value


@dataclass(frozen=True, slots=True)
class Times:
    """What is brought once for each object of a list."""

    size: Size
    inner: Term

    def points(self, variables: Variables) -> int:
        return self.size.of(variables) * self.inner.points(variables)


@dataclass(frozen=True, slots=True)
class Sum:
    """Several, beside a part that is always the same."""

    flat: int
    terms: tuple[Term, ...]

    def points(self, variables: Variables) -> int:
        return self.flat + sum(term.points(variables) for term in self.terms)


@dataclass(frozen=True, slots=True)
class Where:
    """Costs nothing if the variable of its `@skip` or `@include` leaves it out."""

    variable: str
    wanted: bool
    default: object
    inner: Term

    def points(self, variables: Variables) -> int:
        given = variables.get(self.variable, self.default)
        return 0 if given is (not self.wanted) else self.inner.points(variables)


@dataclass(frozen=True, slots=True)
class Size:
    """How many objects a list brings at most: a number, or what a variable says."""

    default: int
    variables: tuple[tuple[str, object], ...] = ()
    "Names, each with what it is where it is left out; the first that holds something counts."

    def of(self, variables: Variables) -> int:
        for name, default in self.variables:
            size = _length(variables.get(name, default))
            if size is not None:
                return size
        return self.default


def cost_of(schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Fragments) -> Term:
    """The cost of a valid operation."""
    root = schema.get_root_type(operation.operation)
    assert root is not None
    own = MUTATION if root is schema.mutation_type else 0
    return _Reader(schema, operation, fragments).selections(operation.selection_set, root, None, own)


class _Reader:
    def __init__(
        self, schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Fragments
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._defaults = {
            node.variable.name.value: None
            if node.default_value is None
            else value_from_ast_untyped(node.default_value)
            for node in operation.variable_definitions or ()
        }

    def selections(
        self, within: SelectionSetNode | None, parent: GraphQLNamedType, page: Size | None, own: int = 0
    ) -> Term:
        """`page` is the size of the connection that this is the inside of; `own` on top of each field."""
        found = (self._selection(one, parent, page, own) for one in (within.selections if within else ()))
        return _sum(found)

    def _selection(self, node: SelectionNode, parent: GraphQLNamedType, page: Size | None, own: int) -> Term:
        if isinstance(node, FieldNode):
            term = self._field(node, parent, page, own)
        elif isinstance(node, FragmentSpreadNode):
            term = self._fragment(self._fragments[node.name.value], parent, page, own)
        else:
            term = self._fragment(cast("InlineFragmentNode", node), parent, page, own)
        return self._conditions(node, term)

    def _fragment(
        self,
        node: InlineFragmentNode | FragmentDefinitionNode,
        parent: GraphQLNamedType,
        page: Size | None,
        own: int,
    ) -> Term:
        condition = node.type_condition
        kind = self._schema.get_type(condition.name.value) if condition else None
        return self.selections(node.selection_set, kind or parent, page, own)

    def _field(self, node: FieldNode, parent: GraphQLNamedType, page: Size | None, own: int) -> Term:
        name = node.name.value
        if name in _META:
            return Flat(INTROSPECTION)
        field = _field_of(parent, name)
        if field is None:  # __typename
            return Flat(own)
        kind = named(cast("object", field.type))
        if not is_composite_type(kind):
            return Flat(own)
        asked = self._asked_size(node, field)
        counted = 0 if _is_edge(parent) and name == "node" else OBJECT
        inner = _sum([Flat(counted), self.selections(node.selection_set, kind, _page_of(kind, asked))])
        if not _is_list(cast("object", field.type)):
            return _sum([Flat(own), inner])
        size = page if page is not None and name in _PAGES else asked or Size(LIST)
        return _sum([Flat(own), _times(size, inner)])

    def _asked_size(self, node: FieldNode, field: GraphQLField) -> Size | None:
        """By its arguments: `first` or `last`, or as many as a list of ids has."""
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        names = [name for name, argument in field.args.items() if _sizes(name, cast("object", argument.type))]
        if not names:
            return None
        sizes = [self._size(given[name]) for name in names if name in given]
        fixed = next((size.default for size in sizes if not size.variables), None)
        defaults = (field.args[name].default_value for name in names)
        default = next((d for d in defaults if isinstance(d, int)), PAGE)
        variables = tuple(pair for size in sizes for pair in size.variables)
        return Size(default if fixed is None else fixed, variables)

    def _size(self, value: ValueNode) -> Size:
        if isinstance(value, VariableNode):
            name = value.name.value
            return Size(PAGE, ((name, self._defaults.get(name)),))
        if isinstance(value, IntValueNode):
            return Size(_clamped(int(value.value)))
        return Size(len(value.values) if isinstance(value, ListValueNode) else PAGE)

    def _conditions(self, node: SelectionNode, term: Term) -> Term:
        for directive in node.directives or ():
            name = directive.name.value
            if name in {"skip", "include"} and directive.arguments:
                term = self._condition(directive.arguments[0].value, name == "include", term)
        return term

    def _condition(self, value: ValueNode, wanted: bool, term: Term) -> Term:
        if isinstance(value, VariableNode):
            name = value.name.value
            return Where(name, wanted, self._defaults.get(name), term)
        if isinstance(value, BooleanValueNode) and value.value is not wanted:
            return Flat(0)
        return term


def _sum(found: Iterator[Term] | Sequence[Term]) -> Term:
    """Put together what is always the same."""
    flat, terms = 0, list[Term]()
    for term in found:
        match term:
            case Flat(value):
                flat += value
            case Sum(value, inner):
                flat += value
                terms.extend(inner)
            case _:
                terms.append(term)
    return Sum(flat, tuple(terms)) if terms else Flat(flat)


def _times(size: Size, inner: Term) -> Term:
    if not size.variables and isinstance(inner, Flat):
        return Flat(size.default * inner.value)
    return Times(size, inner)


def _field_of(parent: GraphQLNamedType, name: str) -> GraphQLField | None:
    fields: dict[str, GraphQLField] = getattr(parent, "fields", {})
    return fields.get(name)


def _page_of(kind: GraphQLNamedType, asked: Size | None) -> Size | None:
    """A connection hands its size down to its nodes and edges."""
    is_connection = isinstance(kind, GraphQLObjectType) and any(name in kind.fields for name in _PAGES)
    return (asked or Size(PAGE)) if is_connection else None


def _is_edge(kind: GraphQLNamedType) -> bool:
    """It is counted with its node as one object."""
    return isinstance(kind, GraphQLObjectType) and {"cursor", "node"} <= kind.fields.keys()


def named(kind: object) -> GraphQLNamedType:
    """Without its `!` and `[]`."""
    while isinstance(kind, GraphQLList | GraphQLNonNull):
        kind = cast("object", kind.of_type)
    return cast("GraphQLNamedType", kind)


def _is_list(kind: object) -> bool:
    """Through any `!`."""
    while isinstance(kind, GraphQLNonNull):
        kind = cast("object", kind.of_type)
    return isinstance(kind, GraphQLList)


def _sizes(name: str, kind: object) -> bool:
    """Whether an argument of this name and type says how much a field brings."""
    return name in {"first", "last"} or (name == "ids" and _is_list(kind))


def _length(value: object) -> int | None:
    """Of what a variable holds: a number, or a list of ids. None for what is neither."""
    if isinstance(value, bool) or value is None or value is Undefined:
        return None
    if isinstance(value, int):
        return _clamped(value)
    return len(cast("list[object]", value)) if isinstance(value, list) else None


def _clamped(size: int) -> int:
    return min(max(size, 0), LARGEST)
