import type { Client } from 'graphql-ws';

/** Finds a socket that is dead and doesn't know: streams are never silent for long (Heartbeat). */
export class Silence {
  #heard = 0;
  #listeners = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `limit` in milliseconds; 0: never. */
  constructor(
    private readonly client: Client,
    private readonly limit: number,
  ) {
    const heard = () => {
      this.#heard = Date.now();
    };
    client.on('connecting', heard);
    client.on('message', heard);
  }

  /** Watches until the returned function is called. */
  watch(): () => void {
    if (this.#listeners++ === 0) this.#start();
    return () => {
      if (--this.#listeners === 0) clearInterval(this.#timer);
    };
  }

  #start(): void {
    this.#heard = Date.now();
    if (this.limit > 0) this.#timer = setInterval(() => this.#check(), this.limit / 4);
  }

  #check(): void {
    if (Date.now() - this.#heard <= this.limit) return;
    this.#heard = Date.now();
    this.client.terminate();
  }
}
