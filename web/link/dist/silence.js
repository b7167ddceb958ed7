/** Finds a socket that is dead and doesn't know: streams are never silent for long (Heartbeat). */
export class Silence {
    client;
    limit;
    #heard = 0;
    #listeners = 0;
    #timer;
    /** `limit` in milliseconds; 0: never. */
    constructor(client, limit) {
        this.client = client;
        this.limit = limit;
        const heard = () => {
            this.#heard = Date.now();
        };
        client.on('connecting', heard);
        client.on('message', heard);
    }
    /** Watches until the returned function is called. */
    watch() {
        if (this.#listeners++ === 0)
            this.#start();
        return () => {
            if (--this.#listeners === 0)
                clearInterval(this.#timer);
        };
    }
    #start() {
        this.#heard = Date.now();
        if (this.limit > 0)
            this.#timer = setInterval(() => this.#check(), this.limit / 4);
    }
    #check() {
        if (Date.now() - this.#heard <= this.limit)
            return;
        this.#heard = Date.now();
        this.client.terminate();
    }
}
