/**
 * One subscribe of graphql-ws. It ends with the socket on which it got its first message: graphql-ws would go on by
 * itself on the next socket (after a close with 1000 always, after others by `retryAttempts`), with the old cursor.
 */
export class Attempt {
    ears;
    #ended = false;
    #heard = false;
    #unlisten;
    #dispose;
    constructor(client, payload, ears) {
        this.ears = ears;
        this.#unlisten = client.on('closed', (event) => {
            if (this.#heard)
                this.#end(event);
        });
        this.#dispose = client.subscribe(payload, {
            next: (message) => this.#message(message),
            error: (reason) => this.#end(reason),
            complete: () => this.#end(),
        });
    }
    /** No word after this. */
    stop() {
        if (this.#ended)
            return;
        this.#ended = true;
        this.#unlisten();
        this.#dispose();
    }
    #message(message) {
        if (this.#ended)
            return;
        this.#heard = true;
        this.ears.message(message);
    }
    #end(reason) {
        if (this.#ended)
            return;
        this.stop();
        this.ears.end(reason);
    }
}
