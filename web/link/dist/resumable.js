import { backoff } from './backoff.js';
import { takesCursor } from './document.js';
import { iterate } from './iterate.js';
import { isFinal } from './reasons.js';
import { Silence } from './silence.js';
import { Stream } from './stream.js';
/** The same graphql-ws client, with subscriptions that resume by cursor. Other operations pass as they are. */
export function resumable(client, options = {}) {
    const policy = {
        variable: options.variable ?? 'after',
        delay: options.delay ?? backoff,
        isFinal: options.isFinal ?? isFinal,
        onRetry: options.onRetry ?? (() => { }),
    };
    const silence = new Silence(client, options.silence ?? 45_000);
    const streams = new Set();
    const follow = (payload, sink) => {
        const unwatch = silence.watch();
        const release = () => {
            unwatch();
            streams.delete(stream);
        };
        const stream = new Stream(client, payload, released(sink, release), policy);
        streams.add(stream);
        stream.open();
        return () => stream.stop();
    };
    return {
        ...client,
        subscribe(payload, sink) {
            if (!takesCursor(payload, policy.variable))
                return client.subscribe(payload, sink);
            return follow(payload, sink);
        },
        iterate(payload) {
            if (!takesCursor(payload, policy.variable))
                return client.iterate(payload);
            const messages = iterate((sink) => follow(payload, sink));
            return messages;
        },
        dispose() {
            for (const stream of streams)
                stream.stop(); // or they would come back
            return client.dispose();
        },
    };
}
function released(sink, release) {
    return {
        next: (message) => sink.next(message),
        error(reason) {
            release();
            sink.error(reason);
        },
        complete() {
            release();
            sink.complete();
        },
    };
}
