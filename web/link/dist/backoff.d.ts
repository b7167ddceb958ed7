/** Milliseconds before try number `attempt` (from 0) to come back: all of it jitter, so that a crowd spreads itself. */
export declare function backoff(attempt: number): number;
