import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { connect, follow, house, names, seqs, WATCH } from './house.mjs';

const ends = (answer, { after }) => answer.opened(after ?? 0).closed(after ?? 0, 'TERMINAL');

test('a stream that is not cut passes as it is', async (t) => {
  const { url, asked } = await house(t, (answer) => answer.opened(0).batch(1, 2).closed(2, 'TERMINAL'));
  const seen = await follow(connect(url));
  assert.deepEqual(names(seen), ['StreamOpened', 'EventBatch', 'StreamClosed']);
  assert.equal(seen.error, undefined);
  assert.deepEqual(asked, [{ query: WATCH, variables: { id: 'r' } }]);
});

test('after a cut only the cursor changes in what is asked, and the sink sees one stream', async (t) => {
  const { url, asked } = await house(
    t,
    (answer) => answer.opened(0).batch(1, 2).cut(),
    (answer, { after }) => answer.opened(after).batch(3).closed(3, 'TERMINAL'),
  );
  const payload = { query: WATCH, operationName: 'Watch', variables: { id: 'r', after: '0' }, extensions: { a: 1 } };
  const seen = await follow(connect(url), payload);
  assert.deepEqual(names(seen), ['StreamOpened', 'EventBatch', 'EventBatch', 'StreamClosed']);
  assert.deepEqual(asked, [payload, { ...payload, variables: { id: 'r', after: '2' } }]);
});

test('of a resumed stream only the opening is left out', async (t) => {
  const { url } = await house(
    t,
    (answer) => answer.opened(0).batch(1).cut(),
    (answer) => answer.opened(1).frame(1, { __typename: 'Heartbeat' }).closed(1, 'TERMINAL'),
  );
  assert.deepEqual(names(await follow(connect(url))), ['StreamOpened', 'EventBatch', 'Heartbeat', 'StreamClosed']);
});

test('the variable may have another name', async (t) => {
  const { url, asked } = await house(t, (answer) => answer.batch(1).cut(), ends);
  const query = WATCH.replaceAll('$after', '$since');
  await follow(connect(url, { variable: 'since' }), { query, variables: { id: 'r' } });
  assert.deepEqual(asked[1].variables, { id: 'r', since: '1' });
});

for (const [what, query] of [
  ['a query', 'query ($after: String) { runs(after: $after) { id } }'],
  ['a subscription without the variable', 'subscription { run { __typename } }'],
  ['one that passes it to a nested field only', 'subscription ($after: String) { run { steps(after: $after) { id } } }'],
  ['one that is not GraphQL', 'subscription ($after: String) { run(after: $after)'],
]) {
  test(`${what} is left to graphql-ws`, async (t) => {
    const { url, asked } = await house(t, (answer) => answer.batch(1).close(1012));
    const seen = await follow(connect(url), { query });
    assert.equal(seen.error.code, 1012);
    assert.deepEqual(asked, [{ query }]);
  });
}

test('of several operations the named one counts', async (t) => {
  const { url, asked } = await house(t, (answer) => answer.batch(1).cut(), ends);
  const query = `subscription Other { run { id } } ${WATCH}`;
  await follow(connect(url), { query, operationName: 'Watch' });
  assert.deepEqual(asked[1].variables, { after: '1' });
});

for (const code of [1002, 1003, 1007, 1008, 1009, 4400, 4401, 4406, 4409, 4429, 4500]) {
  test(`close code ${code} is final`, async (t) => {
    const { url, asked } = await house(t, (answer) => answer.batch(1).close(code));
    assert.equal((await follow(connect(url))).error.code, code);
    assert.equal(asked.length, 1);
  });
}

for (const code of [1000, 1001, 1011, 1012, 1013, 1014, 4403, 4408, 4499]) {
  test(`after close code ${code} the stream comes back`, async (t) => {
    const { url, asked } = await house(t, (answer) => answer.batch(1).close(code), ends);
    assert.deepEqual(seqs(await follow(connect(url))), [1]);
    assert.equal(asked[1].variables.after, '1');
  });
}

test('the retries of graphql-ws itself never ask with the old cursor', async (t) => {
  for (const code of [1000, 1012]) {
    const { url, asked } = await house(t, (answer) => answer.opened(0).batch(1).close(code), ends);
    const patient = { retryAttempts: 5, retryWait: async () => {} };
    assert.deepEqual(seqs(await follow(connect(url, {}, patient))), [1]);
    assert.deepEqual(asked.map(({ variables }) => variables.after), [undefined, '1']);
  }
});

test('a server that cannot be reached is waited for, without a limit', async (t) => {
  const { url } = await house(t, ends);
  const urls = ['ws://127.0.0.1:1', 'ws://127.0.0.1:1', url];
  const retries = [];
  const onRetry = ({ attempt }) => retries.push(attempt);
  await follow(connect(url, { onRetry }, { url: () => urls.shift() }));
  assert.deepEqual(retries, [0, 1]);
});

for (const code of ['FUTURE_CURSOR', 'INVALID_CURSOR', 'NOT_FOUND', 'INTERNAL']) {
  test(`${code} reaches the observer`, async (t) => {
    const { url, asked } = await house(t, (answer) => answer.error({ code }));
    assert.equal((await follow(connect(url))).error[0].extensions.code, code);
    assert.equal(asked.length, 1);
  });
}

test('UNAVAILABLE, TIMEOUT and RATE_LIMITED pass, and the server says how long to wait', async (t) => {
  const { url } = await house(
    t,
    (answer) => answer.error({ code: 'UNAVAILABLE' }),
    (answer) => answer.error({ code: 'TIMEOUT' }),
    (answer) => answer.error({ code: 'RATE_LIMITED', retryAfterMs: 20 }),
    ends,
  );
  const delays = [];
  const seen = await follow(connect(url, { onRetry: ({ delay }) => delays.push(delay) }));
  assert.equal(seen.error, undefined);
  assert.deepEqual(delays, [0, 0, 20]);
});

test('what is final is the application’s to say', async (t) => {
  const { url } = await house(t, (answer) => answer.cut());
  const seen = await follow(connect(url, { isFinal: ({ code }) => code === 1006 }));
  assert.equal(seen.error.code, 1006);
});

for (const reason of ['AUTH_EXPIRED', 'FORBIDDEN', 'SERVER_DRAINING', 'SLOW_CONSUMER']) {
  test(`StreamClosed ${reason} is not shown: the stream goes on, by a connection of its own`, async (t) => {
    const { url, asked, greetings } = await house(t, (answer) => answer.opened(0).batch(1).closed(1, reason), ends);
    let token = 0;
    const seen = await follow(connect(url, {}, { connectionParams: async () => ({ token: ++token }) }));
    assert.deepEqual(names(seen), ['StreamOpened', 'EventBatch', 'StreamClosed']);
    assert.equal(seen.heard.at(-1).data.run.reason, 'TERMINAL');
    assert.equal(asked[1].variables.after, '1');
    assert.deepEqual(greetings, [{ token: 1 }, { token: 2 }]);
  });
}

test('a cut after StreamClosed TERMINAL is the end all the same', async (t) => {
  const { url, asked } = await house(t, (answer) => answer.frame(1, { __typename: 'StreamClosed', reason: 'TERMINAL' }).cut());
  assert.deepEqual(names(await follow(connect(url))), ['StreamClosed']);
  assert.equal(asked.length, 1);
});

test('an end without StreamClosed is a cut', async (t) => {
  const { url, asked } = await house(t, (answer) => answer.opened(0).batch(1).complete(), ends);
  assert.deepEqual(seqs(await follow(connect(url))), [1]);
  assert.equal(asked.length, 2);
});

test('a reset is shown, and its cursor is the one that counts', async (t) => {
  const { url, asked } = await house(
    t,
    (answer) => answer.batch(1).cut(),
    (answer) => answer.frame(7, { __typename: 'StreamReset', cause: 'CURSOR_EXPIRED' }).cut(),
    ends,
  );
  assert.deepEqual(names(await follow(connect(url))), ['EventBatch', 'StreamReset', 'StreamClosed']);
  assert.equal(asked[2].variables.after, '7');
});

test('where a resumed stream is reset, the sink sees the reset and no second opening', async (t) => {
  const { url, asked } = await house(
    t,
    (answer) => answer.opened(0).batch(1).cut(),
    (answer) => answer.opened(7).cut(),
    (answer) => answer.opened(7).frame(7, { __typename: 'StreamReset', cause: 'CURSOR_EXPIRED' }).batch(8).cut(),
    ends,
  );
  const seen = await follow(connect(url));
  assert.deepEqual(names(seen), ['StreamOpened', 'EventBatch', 'StreamReset', 'EventBatch', 'StreamClosed']);
  assert.deepEqual(asked.map(({ variables }) => variables.after), [undefined, '1', '1', '8'], 'cut before the reset: told of it again');
});

test('documents without __typename are read as well; one that hides the end is refused', async (t) => {
  const { url } = await house(
    t,
    (answer) => answer.frame(0, {}).frame(1, { events: [{ seq: 1 }] }).cut(),
    (answer) => answer.frame(1, {}).frame(1, { reason: 'TERMINAL' }).complete(),
    (answer) => answer.frame(1, { __typename: 'StreamClosed', why: 'TERMINAL' }),
  );
  assert.deepEqual(seqs(await follow(connect(url))), [1]);
  const hidden = 'subscription ($after: String) { run(after: $after) { __typename } }';
  assert.match((await follow(connect(url), { query: hidden })).error.message, /must select/);
  assert.match((await follow(connect(url))).error.message, /must select/);
});

test('the cursor moves only when the sink is through, and nothing is handed on before', async (t) => {
  const { url, asked } = await house(
    t,
    (answer) => answer.batch(1).batch(2).batch(3).cut(),
    (answer, { after }) => answer.opened(after).batch(4).closed(4, 'TERMINAL'),
  );
  const order = [];
  const slow = async ({ extensions }) => {
    order.push(`begin ${extensions.cursor}`);
    await new Promise(setImmediate);
    order.push(`end ${extensions.cursor}, asked ${asked.length}`);
  };
  const seen = await follow(connect(url), undefined, slow);
  assert.deepEqual(seqs(seen), [1, 2, 3, 4]);
  assert.deepEqual(order.slice(0, 6), [1, 2, 3].flatMap((seq) => [`begin ${seq}`, `end ${seq}, asked 1`]));
  assert.equal(asked[1].variables.after, '3');
});

for (const [how, fail] of [
  ['throws', () => { throw new Error('full'); }],
  ['rejects', () => Promise.reject(new Error('full'))],
]) {
  test(`a sink that ${how} ends its own stream, and no other on the socket`, async (t) => {
    const later = [];
    const { url, asked } = await house(
      t,
      (answer) => later.push(answer.batch(1)),
      (answer) => {
        answer.batch(1);
        later[0].closed(1, 'TERMINAL');
      },
    );
    const client = connect(url);
    const other = follow(client);
    const failed = await follow(client, undefined, fail);
    assert.equal(failed.error.message, 'full');
    assert.deepEqual(names(await other), ['EventBatch', 'StreamClosed']);
    assert.equal(asked.length, 2);
  });
}

test('who lets go hears of the end once and is asked for no more', async (t) => {
  const { url, asked } = await house(t, (answer) => answer.batch(1).cut());
  let dispose, ended = 0;
  await new Promise((retrying) => {
    const client = connect(url, { delay: () => 50, onRetry: retrying });
    dispose = client.subscribe({ query: WATCH }, { next() {}, error: assert.fail, complete: () => ended++ });
  });
  dispose();
  dispose();
  assert.equal(ended, 1);
  await new Promise((passed) => setTimeout(passed, 60));
  assert.equal(asked.length, 1);
});

test('a client that is disposed of ends its streams', async (t) => {
  const { url, asked, greetings } = await house(t, (answer) => answer.batch(1));
  const client = connect(url);
  assert.deepEqual(seqs(await follow(client, undefined, () => void client.dispose())), [1]);
  await new Promise((passed) => setTimeout(passed, 20));
  assert.deepEqual([asked.length, greetings.length], [1, 1]);
});

test('iterating resumes too: what was yielded counts once the next is asked for', async (t) => {
  const { url, asked } = await house(
    t,
    (answer) => answer.opened(0).batch(1).batch(2).cut(),
    (answer, { after }) => answer.opened(after).batch(3).closed(3, 'TERMINAL'),
  );
  const heard = [];
  for await (const message of connect(url).iterate({ query: WATCH })) heard.push(message);
  assert.deepEqual(seqs({ heard }), [1, 2, 3]);
  assert.equal(asked[1].variables.after, '2');
});

test('an iteration may be left, also while it waits, and brings the error', async (t) => {
  const { url } = await house(t, (answer) => answer.opened(0), (answer) => answer.error({ code: 'NOT_FOUND' }));
  const waiting = connect(url).iterate({ query: WATCH });
  await waiting.next();
  const next = waiting.next();
  await waiting.return();
  assert.deepEqual(await next, { done: true, value: undefined });
  await assert.rejects(connect(url).iterate({ query: WATCH }).next(), ([error]) => error.extensions.code === 'NOT_FOUND');
});

test('a socket that is silent for too long is dead', async (t) => {
  const { url, asked } = await house(t, (answer) => answer.opened(0).batch(1), ends);
  const cuts = [];
  const seen = await follow(connect(url, { silence: 40, onRetry: ({ reason }) => cuts.push(reason.code) }));
  assert.deepEqual(seqs(seen), [1]);
  assert.deepEqual(cuts, [4499]);
  assert.equal(asked[1].variables.after, '1');
});

test('retries wait longer and longer, and start over with each message', async (t) => {
  const cut = (answer) => answer.cut();
  const { url } = await house(t, cut, cut, (answer) => answer.batch(1).cut(), cut, ends);
  const tries = [];
  await follow(connect(url, { onRetry: ({ attempt }) => tries.push(attempt) }));
  assert.deepEqual(tries, [0, 1, 0, 1]);
});

test('whatever is cut where, the sink sees 1..N, each once, and one stream', async (t) => {
  const plan = fc.array(fc.record({ batch: fc.integer({ min: 1, max: 4 }), frames: fc.nat(4), how: fc.constantFrom('cut', 'complete', 1012, 1000, 4403) }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 20 }), plan, fc.boolean(), async (last, faults, isSlow) => {
      const left = [...faults];
      const { url } = await house(t, (answer, { after = 0 }) => serve(answer, Number(after), last, left.shift()));
      const seen = await follow(connect(url), undefined, () => (isSlow ? Promise.resolve() : undefined));
      assert.deepEqual(seqs(seen), Array.from({ length: last }, (_, index) => index + 1));
      assert.deepEqual(names(seen).filter((name) => name !== 'EventBatch'), ['StreamOpened', 'StreamClosed']);
    }),
    { numRuns: 60 },
  );
});

function serve(answer, after, last, fault) {
  const end = (how) => (typeof how === 'number' ? answer.close(how) : answer[how]());
  let left = fault ? fault.frames : Infinity;
  if (left-- === 0) return end(fault.how);
  answer.opened(after);
  for (let seq = after; seq < last; ) {
    if (left-- === 0) return end(fault.how);
    const next = Math.min(last, seq + (fault?.batch ?? 3));
    answer.batch(...Array.from({ length: next - seq }, (_, index) => seq + index + 1));
    seq = next;
  }
  return answer.closed(last, 'TERMINAL');
}
