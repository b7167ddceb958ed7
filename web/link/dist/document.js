import { Kind, parse } from 'graphql';
/** Whether this is a subscription whose field takes `$variable` as an argument. */
export function takesCursor({ query, operationName }, variable) {
    if (!query.includes(`$${variable}`))
        return false;
    const subscription = definitions(query).find((one) => one.kind === Kind.OPERATION_DEFINITION &&
        one.operation === 'subscription' &&
        (!operationName || one.name?.value === operationName));
    return subscription?.selectionSet.selections.some((field) => takes(field, variable)) ?? false;
}
/** A document that can't be read is the server's to refuse. */
function definitions(query) {
    try {
        return parse(query, { noLocation: true }).definitions;
    }
    catch {
        return [];
    }
}
function takes(field, variable) {
    if (field.kind !== Kind.FIELD)
        return false;
    return field.arguments?.some(({ value }) => value.kind === Kind.VARIABLE && value.name.value === variable) ?? false;
}
