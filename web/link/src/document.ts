import { Kind, parse, type DefinitionNode, type OperationDefinitionNode, type SelectionNode } from 'graphql';
import type { SubscribePayload } from 'graphql-ws';

/** Whether this is a subscription whose field takes `$variable` as an argument. */
export function takesCursor({ query, operationName }: SubscribePayload, variable: string): boolean {
  if (!query.includes(`$${variable}`)) return false;
  const subscription = definitions(query).find(
    (one): one is OperationDefinitionNode =>
      one.kind === Kind.OPERATION_DEFINITION &&
      one.operation === 'subscription' &&
      (!operationName || one.name?.value === operationName),
  );
  return subscription?.selectionSet.selections.some((field) => takes(field, variable)) ?? false;
}

/** A document that can't be read is the server's to refuse. */
function definitions(query: string): readonly DefinitionNode[] {
  try {
    return parse(query, { noLocation: true }).definitions;
  } catch {
    return [];
  }
}

function takes(field: SelectionNode, variable: string): boolean {
  if (field.kind !== Kind.FIELD) return false;
  return field.arguments?.some(({ value }) => value.kind === Kind.VARIABLE && value.name.value === variable) ?? false;
}
