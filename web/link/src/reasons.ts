// Why a stream stopped, and whether to come back.

/** Close codes that tell of a mistake: the same again would end the same. Every other code is a cut. */
const FINAL_CODES = new Set([1002, 1003, 1007, 1008, 1009, 1010, 4400, 4401, 4406, 4409, 4429, 4500]);
/** Errors of GraphQL that pass by themselves. */
const PASSING_ERRORS = new Set(['RATE_LIMITED', 'TIMEOUT', 'UNAVAILABLE']);

/**
 * Whether the reason of an end (a close event, GraphQL errors, or an error that connecting threw) is the last word.
 * What can't be told apart from a network that is away, is not.
 */
export function isFinal(reason: unknown): boolean {
  if (Array.isArray(reason)) return !reason.every((error) => PASSING_ERRORS.has(String(extension(error, 'code'))));
  const code = isObject(reason) ? reason['code'] : undefined;
  return typeof code === 'number' && FINAL_CODES.has(code);
}

/** Milliseconds that the server asks to wait; 0 where it doesn't say. */
export function retryAfter(reason: unknown): number {
  const asked = Array.isArray(reason) ? reason.map((error) => Number(extension(error, 'retryAfterMs'))) : [];
  return Math.max(0, ...asked.filter(Number.isFinite));
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function extension(error: unknown, name: string): unknown {
  const extensions = isObject(error) ? error['extensions'] : undefined;
  return isObject(extensions) ? extensions[name] : undefined;
}
