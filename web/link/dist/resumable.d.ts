import type { Client } from 'graphql-ws';
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
    onRetry?: (retry: {
        reason: unknown;
        attempt: number;
        delay: number;
    }) => void;
}
/** The same graphql-ws client, with subscriptions that resume by cursor. Other operations pass as they are. */
export declare function resumable(client: Client, options?: ResumeOptions): Client;
