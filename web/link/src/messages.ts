// What the link reads in a `next` message. Of a stream's data it knows how it begins and ends, and nothing else.
import type { FormattedExecutionResult } from 'graphql';
import { isObject } from './reasons.js';

export type Message = FormattedExecutionResult<Record<string, unknown>, unknown>;

export const TERMINAL = 'TERMINAL';
const OPENED = 'StreamOpened';
const CLOSED = 'StreamClosed';

/** Where the stream stands with this message. */
export function cursorOf({ extensions }: Message): string | undefined {
  const cursor = isObject(extensions) ? extensions['cursor'] : undefined;
  return typeof cursor === 'string' ? cursor : undefined;
}

/** Whether the first message of a stream is its StreamOpened: always, but for errors, or where its name says otherwise. */
export function isOpening(message: Message): boolean {
  const name = frameOf(message)?.['__typename'] ?? OPENED;
  return name === OPENED && cursorOf(message) !== undefined;
}

/** The reason, where the message is the stream's StreamClosed. Throws where the document doesn't select it. */
export function closeReason(message: Message): string | undefined {
  const frame = frameOf(message);
  const name = frame?.['__typename'] ?? CLOSED;
  if (frame === undefined || name !== CLOSED) return undefined;
  const reason = frame['reason'];
  if (typeof reason === 'string') return reason;
  if ('__typename' in frame) throw unreadable();
  return undefined;
}

/** Without the reason an end can't be told from a cut, and the link would come back for ever. */
export function checkClosing(query: string): void {
  if (!query.includes(CLOSED)) throw unreadable();
}

function frameOf({ data }: Message): Record<string, unknown> | undefined {
  return Object.values(data ?? {}).find(isObject);
}

function unreadable(): Error {
  return new Error(`A resumable subscription must select "... on ${CLOSED} { reason }".`);
}
