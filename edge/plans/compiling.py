"""From an operation to its plan, by the schema and by what its types declare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import strawberry
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    OperationDefinitionNode,
    is_abstract_type,
)
from graphql.execution.collect_fields import (
    FieldDetailsList,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues
from graphql.pyutils import Path
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from edge.core import inside
from edge.documents import Operation
from edge.plans.leaves import writer
from edge.plans.projecting import Projection, declared
from edge.plans.resolving import Resolver
from edge.plans.shapes import Branch, Leaf, Many, Object, OneOf, Shape

# Without their type parameters, which nobody has filled in.
_List: Any = GraphQLList
_NonNull: Any = GraphQLNonNull
Fragments: TypeAlias = Mapping[str, FragmentDefinitionNode]


class Unplannable(Exception):
    """The operation has something that plans do not know how to do."""


class Compiler:
    """Makes the plan of one operation; what the variables skip or include is settled in it."""

    def __init__(self, schema: strawberry.Schema, operation: Operation, variables: VariableValues) -> None:
        self._schema, self._inside = schema, inside(schema)
        self._operation: OperationDefinitionNode = operation.node
        definitions = operation.document.definitions
        self._fragments = {
            one.name.value: FragmentDetails(one, None)
            for one in definitions
            if isinstance(one, FragmentDefinitionNode)
        }
        self._variables = variables

    def root(self) -> Object:
        """The operation's own selection. Raises Unplannable."""
        kind = self._inside.get_root_type(self._operation.operation)
        if kind is None:
            raise Unplannable
        collected = collect_fields(self._inside, self._fragments, self._variables, kind, self._operation)
        return self._object(kind, collected.grouped_field_set, None, nullable=False)

    def _object(
        self, kind: GraphQLObjectType, fields: GroupedFieldSet, path: Path | None, *, nullable: bool
    ) -> Object:
        projection = Projection()
        branches: list[Branch] = []
        for key, details in fields.items():
            branch = self._field(projection, kind, key, details, Path(path, key, kind.name))
            if branch is not None:
                projection.place(key)
                branches.append(branch)
        return Object(projection, branches, nullable)

    def _field(
        self,
        projection: Projection,
        parent: GraphQLObjectType,
        key: str,
        details: FieldDetailsList,
        path: Path,
    ) -> Branch | None:
        """None where the projection has it."""
        node = details[0].node
        if node.name.value == "__typename":
            projection.constant(key, parent.name)
            return None
        definition = parent.fields.get(node.name.value)
        if definition is None:  # introspection
            raise Unplannable
        field = declared(definition)
        if field is None:
            raise Unplannable
        if not field.is_basic_field:
            resolver = self._resolver(parent, definition, field, details, path)
            return Branch(key, resolver, self._shape(definition.type, details, path))
        return self._basic(projection, key, definition.type, field, details, path)

    def _basic(
        self,
        projection: Projection,
        key: str,
        kind: Any,
        field: StrawberryField,
        details: FieldDetailsList,
        path: Path,
    ) -> Branch | None:
        nullable = not isinstance(kind, _NonNull)
        leaf: Any = kind if nullable else kind.of_type
        if not isinstance(leaf, GraphQLScalarType | GraphQLEnumType):
            return Branch(key, field.python_name, self._shape(kind, details, path))
        projection.leaf(key, field, leaf, nullable)
        return None

    def _resolver(
        self,
        parent: GraphQLObjectType,
        definition: GraphQLField,
        field: StrawberryField,
        details: FieldDetailsList,
        path: Path,
    ) -> Resolver:
        nodes: list[FieldNode] = [one.node for one in details]
        return Resolver(self._schema, self._inside, self._operation, parent, definition, field, nodes, path)

    def _shape(self, kind: Any, details: FieldDetailsList, path: Path) -> Shape:
        nullable = not isinstance(kind, _NonNull)
        inner: Any = kind if nullable else kind.of_type
        if isinstance(inner, GraphQLScalarType | GraphQLEnumType):
            return Leaf(writer(inner, nullable), nullable)
        if isinstance(inner, _List):
            return Many(self._shape(inner.of_type, details, path), nullable)
        if isinstance(inner, GraphQLObjectType):
            return self._selected(inner, details, path, nullable)
        if is_abstract_type(inner):
            possible = self._inside.get_possible_types(inner)
            kinds = {_class_of(one): self._selected(one, details, path, False) for one in possible}
            if len(kinds) < len(possible):
                raise Unplannable
            return OneOf(kinds, nullable)
        raise Unplannable

    def _selected(
        self, kind: GraphQLObjectType, details: FieldDetailsList, path: Path, nullable: bool
    ) -> Object:
        collected = collect_subfields(
            self._inside, self._fragments, self._variables, self._operation, kind, details
        )
        return self._object(kind, collected.grouped_field_set, path, nullable=nullable)


def _class_of(kind: GraphQLObjectType) -> type:
    definition: Any = kind.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    return definition.origin
