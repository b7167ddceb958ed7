// What the link reads in a `next` message. It knows two things of a stream's data: its end, and nothing else.
import type { FormattedExecutionResult } from 'graphql';
import { isObject } from './reasons.js';

export type Message = FormattedExecutionResult<Record<string, unknown>, unknown>;

export const TERMINAL = 'TERMINAL';
const CLOSED = 'StreamClosed';

/** Where the stream stands with this message. */
export function cursorOf({ extensions }: Message): string | undefined {
  const cursor = isObject(extensions) ? extensions['cursor'] : undefined;
  return typeof cursor === 'string' ? cursor : undefined;
}

/** The reason, where the message is the stream's StreamClosed. Throws where the document doesn't select it. */
export function closeReason({ data }: Message): string | undefined {
  const frame = Object.values(data ?? {}).find(isObject);
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

function unreadable(): Error {
  return new Error(`A resumable subscription must select "... on ${CLOSED} { reason }".`);
}
