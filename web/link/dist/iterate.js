/** The messages for `for await`. One counts as processed when the next is asked for. */
export function iterate(subscribe) {
    const inbox = [];
    let end;
    let wake = () => { };
    const dispose = subscribe({
        next: (message) => new Promise((processed) => {
            inbox.push({ message, processed });
            wake();
        }),
        error: (error) => {
            end = { error };
            wake();
        },
        complete: () => {
            end = {};
            wake();
        },
    });
    async function* messages() {
        for (;;) {
            const next = inbox.shift();
            if (next) {
                yield next.message;
                next.processed();
            }
            else if (end) {
                if ('error' in end)
                    throw end.error;
                return undefined;
            }
            else {
                await new Promise((heard) => (wake = heard));
            }
        }
    }
    const iterator = messages();
    return {
        [Symbol.asyncIterator]() {
            return this;
        },
        next: () => iterator.next(),
        async return() {
            dispose(); // also wakes who waits for a message
            return { done: true, value: undefined };
        },
        async throw(error) {
            dispose();
            throw error;
        },
    };
}
