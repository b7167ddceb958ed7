import type { Client, Sink, SubscribePayload } from 'graphql-ws';
import { backoff } from './backoff.js';
import { takesCursor } from './document.js';
import { iterate } from './iterate.js';
import type { Message } from './messages.js';
import { isFinal } from './reasons.js';
import { Silence } from './silence.js';
import { Stream, type Policy } from './stream.js';

export interface ResumeOptions {
  /** The variable that takes the cursor; `after` when left out. */
  variable?: string;
  /** Milliseconds before try number `attempt` (from 0, and again from 0 after each message). */
  delay?: (attempt: number) => number;
  /** Whether a close event, GraphQL errors or a connecting error is the last word. */
  isFinal?: (reason: unknown) => boolean;
  /** Milliseconds without any message after which a socket counts as dead; 45,000 when left out, 0: never. */
  silence?: number;
  /** Hears of each cut. `reason` is undefined where the server closed the stream and asked to come back. */
  onRetry?: (retry: { reason: unknown; attempt: number; delay: number }) => void;
}

/** The same graphql-ws client, with subscriptions that resume by cursor. Other operations pass as they are. */
export function resumable(client: Client, options: ResumeOptions = {}): Client {
  const policy: Policy = {
    variable: options.variable ?? 'after',
    delay: options.delay ?? backoff,
    isFinal: options.isFinal ?? isFinal,
    onRetry: options.onRetry ?? (() => {}),
  };
  const silence = new Silence(client, options.silence ?? 45_000);
  const streams = new Set<Stream>();

  const follow = (payload: SubscribePayload, sink: Sink<Message>) => {
    const unwatch = silence.watch();
    const release = () => {
      unwatch();
      streams.delete(stream);
    };
    const stream = new Stream(client, payload, released(sink, release), policy);
    streams.add(stream);
    stream.open();
    return () => stream.stop();
  };

  return {
    ...client,
    subscribe(payload, sink) {
      if (!takesCursor(payload, policy.variable)) return client.subscribe(payload, sink);
      return follow(payload, sink as Sink<Message>);
    },
    iterate<Data, Extensions>(payload: SubscribePayload) {
      if (!takesCursor(payload, policy.variable)) return client.iterate<Data, Extensions>(payload);
      const messages = iterate((sink) => follow(payload, sink));
      return messages as ReturnType<typeof client.iterate<Data, Extensions>>;
    },
    dispose() {
      for (const stream of streams) stream.stop(); // or they would come back
      return client.dispose();
    },
  };
}

function released(sink: Sink<Message>, release: () => void): Sink<Message> {
  return {
    next: (message) => sink.next(message),
    error(reason) {
      release();
      sink.error(reason);
    },
    complete() {
      release();
      sink.complete();
    },
  };
}
