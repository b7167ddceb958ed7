import type { Client } from 'graphql-ws';
/** Finds a socket that is dead and doesn't know: streams are never silent for long (Heartbeat). */
export declare class Silence {
    #private;
    private readonly client;
    private readonly limit;
    /** `limit` in milliseconds; 0: never. */
    constructor(client: Client, limit: number);
    /** Watches until the returned function is called. */
    watch(): () => void;
}
