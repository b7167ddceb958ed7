"""Documents: bounded, parsed, validated once, and kept while they are in use."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    InlineFragmentNode,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
    VariableNode,
    Visitor,
    parse,
    specified_rules,
    validate,
    visit,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from edge.access import NO_ACCESS, Access
from edge.answers import MAX_ERRORS, Failure
from edge.demand import Demand, demand_of
from edge.limits import excesses
from edge.masking import BAD_USER_INPUT, PARSE_FAILED, VALIDATION_FAILED, refused
from edge.sizes import MAX_CHARACTERS, MAX_ROOT_FIELDS, oversized
from settings import Settings

Fragments: TypeAlias = Mapping[str, FragmentDefinitionNode]

# Built once: a rule class of its own for each request would be a new rule for each request.
_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
_SHUT_RULES = (*_RULES, NoSchemaIntrospectionCustomRule)
_MOST_SUGGESTIONS = 5
_MAX_COMMENTS = 200

# A syntax tree takes up to 150 bytes for each character of its text.
_MAX_KEPT = 512
_MAX_KEPT_CHARACTERS = 400_000
_MAX_KEPT_LENGTH = 20_000


@dataclass(frozen=True, eq=False)
class Operation:
    """One operation of a valid document, the same object for the same text and name while it is kept."""

    document: DocumentNode
    node: OperationDefinitionNode
    roots: frozenset[str]
    "The response keys after all fragments are put in place, introspection left out."
    resume_variable: str | None
    "The variable behind the argument `after` of a subscription's field."
    demand: Demand
    "What the guard looks at."
    label: str
    """What figures call it, one of few: its name where the operator knows all documents, else its only field;
    `several` where it has more."""
    variables: tuple[str, ...]
    "The names of those that it declares."
    shaping: tuple[str, ...] = ()
    "The variables that decide which fields of a subscription there are."
    known: dict[object, Any] = field(default_factory=dict[object, Any])
    "What others worked out for it, by who they are: it is forgotten with it."

    @cached_property
    def kind(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.node.operation

    @cached_property
    def type(self) -> str:
        """The same as GraphQL writes it."""
        return self.kind.value

    @cached_property
    def title(self) -> str:
        """What traces call it."""
        return f"{self.type} {self.label}"

    @cached_property
    def name(self) -> str | None:
        """None where it has no name."""
        return self.node.name.value if self.node.name else None


class Documents:
    """What was sent lately, by its text. A document that was refused is remembered too."""

    def __init__(self, schema: GraphQLSchema, settings: Settings, access: Access = NO_ACCESS) -> None:
        self._schema = schema
        self._access = access
        self._settings = settings
        self._knows_names = settings.trusted_documents is not None
        self._kept: OrderedDict[str, dict[str | None, Operation] | Failure] = OrderedDict()
        self._characters = 0

    def operation(self, text: str, name: str | None) -> Operation:
        """The operation to execute. Raises Failure with every problem of the document."""
        operations = self._look_up(text)
        if isinstance(operations, Failure):
            raise Failure(operations.errors, operations.status)
        if name is None and len(operations) > 1:
            raise _no_operation("The document holds several operations: say which by `operationName`.")
        operation = next(iter(operations.values())) if name is None else operations.get(name)
        if operation is None:
            raise _no_operation("The document holds no operation of this name.")
        return operation

    def _look_up(self, text: str) -> dict[str | None, Operation] | Failure:
        if text in self._kept:
            self._kept.move_to_end(text)
            return self._kept[text]
        try:
            found = self._prepare(text)
        except Failure as failure:
            found = Failure(failure.errors, failure.status)  # a fresh one: nothing hangs on its traceback
        self._keep(text, found)
        return found

    def _keep(self, text: str, found: dict[str | None, Operation] | Failure) -> None:
        if len(text) > _MAX_KEPT_LENGTH:
            return
        self._kept[text] = found
        self._characters += len(text)
        while len(self._kept) > _MAX_KEPT or self._characters > _MAX_KEPT_CHARACTERS:
            oldest, _ = self._kept.popitem(last=False)
            self._characters -= len(oldest)

    def _prepare(self, text: str) -> dict[str | None, Operation]:
        document = self._parse(text)
        errors = [
            *_nul_strings(document, text),
            *oversized(document),
            *excesses(document, self._settings),
        ]
        if not errors:
            errors = self._validate(document)
        if errors:
            raise Failure([refused(error, VALIDATION_FAILED) for error in errors])
        operations = _operations(self._schema, document, self._access, self._knows_names)
        if not operations:
            raise _no_operation("The document holds no operation.")
        return operations

    def _validate(self, document: DocumentNode) -> list[GraphQLError]:
        """Where the schema is not to be read, errors do not tell it bit by bit either.

        Looking for names that might be meant takes longer than all else: that helps with a few errors only.
        """
        rules = _RULES if self._settings.introspection else _SHUT_RULES
        errors = validate(self._schema, document, rules, max_errors=MAX_ERRORS, hide_suggestions=True)
        if self._settings.introspection and 0 < len(errors) <= _MOST_SUGGESTIONS:
            return validate(self._schema, document, rules, max_errors=MAX_ERRORS)
        return errors

    def _parse(self, text: str) -> DocumentNode:
        """Stops at the first token too many, so that no length of text costs more than reading it."""
        if len(text) > MAX_CHARACTERS:
            error = GraphQLError(f"A document has {MAX_CHARACTERS:,} characters at most.")
            raise Failure([refused(error, PARSE_FAILED)])
        limit = self._settings.max_tokens
        try:
            return parse(text, max_lexical_tokens=limit, max_comments=_MAX_COMMENTS)
        except GraphQLSyntaxError as error:
            raise Failure([refused(error, PARSE_FAILED)]) from None


def _no_operation(message: str) -> Failure:
    return Failure([refused(GraphQLError(message), BAD_USER_INPUT)])


class _NulFinder(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[GraphQLError] = []

    def enter_string_value(self, node: StringValueNode, *_: object) -> None:
        if "\0" in node.value:
            self.found.append(GraphQLError("Text must not contain NUL characters.", node))


def _nul_strings(document: DocumentNode, text: str) -> list[GraphQLError]:
    """A NUL can only come from an escape, so most documents need no look."""
    finder = _NulFinder()
    if "\\u0000" in text or "\\u{0" in text:
        visit(document, finder)
    return finder.found


def _operations(
    schema: GraphQLSchema, document: DocumentNode, access: Access, knows_names: bool
) -> dict[str | None, Operation]:
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    nodes = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    found = (_operation(schema, document, node, fragments, access, knows_names) for node in nodes)
    return {operation.name: operation for operation in found}


def _operation(
    schema: GraphQLSchema,
    document: DocumentNode,
    node: OperationDefinitionNode,
    fragments: Fragments,
    access: Access,
    knows_names: bool,
) -> Operation:
    fields = list(_root_fields(node.selection_set, fragments, set()))
    roots = frozenset((f.alias or f.name).value for f in fields if not f.name.value.startswith("__"))
    if len({(f.alias or f.name).value for f in fields}) > MAX_ROOT_FIELDS:
        error = GraphQLError(f"An operation has {MAX_ROOT_FIELDS} root fields at most.", node)
        raise Failure([refused(error, VALIDATION_FAILED)])
    demand = demand_of(schema, node, fragments, fields, access)
    label = _label(node, fields, knows_names)
    variables = tuple(one.variable.name.value for one in node.variable_definitions or ())
    if node.operation is not OperationType.SUBSCRIPTION:
        return Operation(document, node, roots, None, demand, label, variables)
    if len(roots) != 1:
        raise Failure([refused(GraphQLError("A subscription has one field.", node), VALIDATION_FAILED)])
    resume = _resume_variable(fields[0])
    return Operation(document, node, roots, resume, demand, label, variables, _shaping(document))


def _label(node: OperationDefinitionNode, fields: list[FieldNode], knows_names: bool) -> str:
    if knows_names and node.name is not None:
        return node.name.value
    names = {field.name.value for field in fields}
    return names.pop() if len(names) == 1 else "several"


def _root_fields(
    selection_set: SelectionSetNode, fragments: Fragments, seen: set[str]
) -> Iterator[FieldNode]:
    """The document is valid: every fragment that is spread is there."""
    for selection in selection_set.selections:
        if isinstance(selection, FieldNode):
            yield selection
        elif isinstance(selection, InlineFragmentNode):
            yield from _root_fields(selection.selection_set, fragments, seen)
        elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
            seen.add(selection.name.value)
            yield from _root_fields(fragments[selection.name.value].selection_set, fragments, seen)


def _resume_variable(field: FieldNode) -> str | None:
    for argument in field.arguments or ():
        if argument.name.value == "after" and isinstance(argument.value, VariableNode):
            return argument.value.name.value
    return None


class _ShapeFinder(Visitor):
    """Finds the variables of `@skip` and `@include`, the only directives that may stand in an operation."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        values = (argument.value for argument in node.arguments or ())
        self.found |= {value.name.value for value in values if isinstance(value, VariableNode)}


def _shaping(document: DocumentNode) -> tuple[str, ...]:
    finder = _ShapeFinder()
    visit(document, finder)
    return tuple(sorted(finder.found))
