const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;

/** Milliseconds before try number `attempt` (from 0) to come back: all of it jitter, so that a crowd spreads itself. */
export function backoff(attempt: number): number {
  return Math.random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);
}
