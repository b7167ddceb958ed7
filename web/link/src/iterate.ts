import type { Sink } from 'graphql-ws';
import type { Message } from './messages.js';

/** The messages for `for await`. One counts as processed when the next is asked for. */
export function iterate(subscribe: (sink: Sink<Message>) => () => void): AsyncIterableIterator<Message> {
  const inbox: { message: Message; processed: () => void }[] = [];
  let end: { error?: unknown } | undefined;
  let wake = () => {};
  const dispose = subscribe({
    next: (message) =>
      new Promise<void>((processed) => {
        inbox.push({ message, processed });
        wake();
      }),
    error: (error) => {
      end = { error };
      wake();
    },
    complete: () => {
      end = {};
      wake();
    },
  });

  async function* messages(): AsyncGenerator<Message, undefined> {
    for (;;) {
      const next = inbox.shift();
      if (next) {
        yield next.message;
        next.processed();
      } else if (end) {
        if ('error' in end) throw end.error;
        return undefined;
      } else {
        await new Promise<void>((heard) => (wake = heard));
      }
    }
  }

  const iterator = messages();
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => iterator.next(),
    async return() {
      dispose(); // also wakes who waits for a message
      return { done: true, value: undefined };
    },
    async throw(error) {
      dispose();
      throw error;
    },
  };
}
