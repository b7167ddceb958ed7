import type { Client, Sink, SubscribePayload } from 'graphql-ws';
import { type Message } from './messages.js';
export interface Policy {
    variable: string;
    delay(attempt: number): number;
    isFinal(reason: unknown): boolean;
    onRetry(retry: {
        reason: unknown;
        attempt: number;
        delay: number;
    }): void;
}
/**
 * One subscription as its sink sees it: a single stream, however many attempts it takes.
 *
 * Messages are handed on one at a time; the cursor moves when the sink is through with one (where `next` returns a
 * promise: when that is fulfilled), and the next attempt begins only then, so nothing is lost and nothing comes twice.
 */
export declare class Stream {
    #private;
    private readonly client;
    private readonly payload;
    private readonly sink;
    private readonly policy;
    constructor(client: Client, payload: SubscribePayload, sink: Sink<Message>, policy: Policy);
    open(): void;
    stop(): void;
}
