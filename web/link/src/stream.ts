import type { Client, Sink, SubscribePayload } from 'graphql-ws';
import { Attempt } from './attempt.js';
import { checkClosing, closeReason, cursorOf, isOpening, TERMINAL, type Message } from './messages.js';
import { isObject, retryAfter } from './reasons.js';

export interface Policy {
  variable: string;
  delay(attempt: number): number;
  isFinal(reason: unknown): boolean;
  onRetry(retry: { reason: unknown; attempt: number; delay: number }): void;
}

/**
 * One subscription as its sink sees it: a single stream, however many attempts it takes.
 *
 * Messages are handed on one at a time; the cursor moves when the sink is through with one (where `next` returns a
 * promise: when that is fulfilled), and the next attempt begins only then, so nothing is lost and nothing comes twice.
 */
export class Stream {
  #attempt: Attempt | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #cursor: string | undefined;
  #isResuming = false;
  #queue: Message[] = [];
  #busy = false;
  #cut: { reason: unknown } | undefined;
  #retries = 0;
  #isTerminal = false;
  #isOver = false;

  constructor(
    private readonly client: Client,
    private readonly payload: SubscribePayload,
    private readonly sink: Sink<Message>,
    private readonly policy: Policy,
  ) {}

  open(): void {
    this.#carefully(() => {
      checkClosing(this.payload.query);
      this.#subscribe();
    });
  }

  stop(): void {
    if (this.#close()) this.sink.complete();
  }

  #subscribe(): void {
    this.#cut = undefined;
    this.#isResuming = this.#cursor !== undefined;
    this.#attempt = new Attempt(this.client, this.#resumed(), {
      message: (message) => {
        this.#queue.push(message);
        this.#work();
      },
      end: (reason) => {
        this.#cut = { reason };
        this.#work();
      },
    });
  }

  #resumed(): SubscribePayload {
    if (this.#cursor === undefined) return this.payload;
    return { ...this.payload, variables: { ...this.payload.variables, [this.policy.variable]: this.#cursor } };
  }

  #work(): void {
    while (!this.#busy && !this.#isOver) {
      const message = this.#queue.shift();
      if (message === undefined) break;
      this.#carefully(() => this.#process(message));
    }
    if (!this.#busy && !this.#isOver && this.#cut !== undefined) this.#turn(this.#cut.reason);
  }

  #process(message: Message): void {
    const reason = closeReason(message);
    if (this.#isOpenedAgain(message, reason)) return;
    const processed = this.#handOn(message, reason);
    if (!isThenable(processed)) return this.#commit(message);
    this.#busy = true;
    processed.then(
      () => {
        this.#busy = false;
        this.#commit(message);
        this.#work();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #handOn(message: Message, reason: string | undefined): unknown {
    if (reason !== undefined && reason !== TERMINAL) return undefined;
    this.#isTerminal = reason === TERMINAL;
    this.#retries = 0;
    return this.sink.next(message);
  }

  /**
   * A resumed stream opens with a state that the sink has already, or gets with the StreamReset that comes next. The
   * cursor stays: whoever is cut off before that reset must hear of it again.
   */
  #isOpenedAgain(message: Message, reason: string | undefined): boolean {
    const isFirst = this.#isResuming;
    this.#isResuming = false;
    return isFirst && reason === undefined && isOpening(message);
  }

  #commit(message: Message): void {
    this.#cursor = cursorOf(message) ?? this.#cursor;
  }

  /** An attempt is over, and all that it brought is processed. */
  #turn(reason: unknown): void {
    this.#cut = undefined;
    if (this.#isTerminal) return this.stop();
    if (this.policy.isFinal(reason)) return this.#fail(reason);
    const attempt = this.#retries++;
    const delay = Math.max(this.policy.delay(attempt), retryAfter(reason));
    this.#timer = setTimeout(() => this.#subscribe(), delay);
    this.policy.onRetry({ reason, attempt, delay });
  }

  #fail(reason: unknown): void {
    if (this.#close()) this.sink.error(reason);
  }

  #close(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#attempt?.stop();
    return true;
  }

  /** What a sink throws ends its own stream, and not the socket of all. */
  #carefully(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return isObject(value) && typeof value['then'] === 'function';
}
