/**
 * Whether the reason of an end (a close event, GraphQL errors, or an error that connecting threw) is the last word.
 * What can't be told apart from a network that is away, is not.
 */
export declare function isFinal(reason: unknown): boolean;
/** Milliseconds that the server asks to wait; 0 where it doesn't say. */
export declare function retryAfter(reason: unknown): number;
export declare function isObject(value: unknown): value is Record<string, unknown>;
