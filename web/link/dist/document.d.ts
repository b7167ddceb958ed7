import type { SubscribePayload } from 'graphql-ws';
/** Whether this is a subscription whose field takes `$variable` as an argument. */
export declare function takesCursor({ query, operationName }: SubscribePayload, variable: string): boolean;
