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
export class Attempt {
  #ended = false;
  #heard = false;
  readonly #unlisten: () => void;
  readonly #dispose: () => void;

  constructor(
    client: Client,
    payload: SubscribePayload,
    private readonly ears: Ears,
  ) {
    this.#unlisten = client.on('closed', (event) => {
      if (this.#heard) this.#end(event);
    });
    this.#dispose = client.subscribe(payload, {
      next: (message) => this.#message(message),
      error: (reason) => this.#end(reason),
      complete: () => this.#end(),
    });
  }

  /** No word after this. */
  stop(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#unlisten();
    this.#dispose();
  }

  #message(message: Message): void {
    if (this.#ended) return;
    this.#heard = true;
    this.ears.message(message);
  }

  #end(reason?: unknown): void {
    if (this.#ended) return;
    this.stop();
    this.ears.end(reason);
  }
}
