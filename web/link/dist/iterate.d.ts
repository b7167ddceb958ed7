import type { Sink } from 'graphql-ws';
import type { Message } from './messages.js';
/** The messages for `for await`. One counts as processed when the next is asked for. */
export declare function iterate(subscribe: (sink: Sink<Message>) => () => void): AsyncIterableIterator<Message>;
