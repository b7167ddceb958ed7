import type { Client, SubscribePayload } from 'graphql-ws';
import type { Message } from './messages.js';
export interface Ears {
    message(message: Message): void;
    /** Once, last. No reason: the server completed it. */
    end(reason?: unknown): void;
}
/**
 * One subscribe of graphql-ws. It ends with the socket on which it got its first message: graphql-ws would go on by
 * itself on the next socket (after a close with 1000 always, after others by `retryAttempts`), with the old cursor.
 */
export declare class Attempt {
    #private;
    private readonly ears;
    constructor(client: Client, payload: SubscribePayload, ears: Ears);
    /** No word after this. */
    stop(): void;
}
