import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { reduceExecution } from '../dist/index.js';

// A run's log as the server writes it: statuses, steps begun and finished (anew under their number after a lost
// lease), progress, the end.
const step = fc.record({
  kind: fc.constantFrom('THINKING', 'TOOL_CALL'),
  status: fc.constantFrom('COMPLETED', 'FAILED'),
  isLost: fc.boolean(),
  percent: fc.option(fc.integer({ min: 0, max: 100 })),
});
const ending = fc.constantFrom('COMPLETED', 'FAILED', 'CANCELLED', 'RUNNING');
const log = fc.tuple(fc.array(step, { maxLength: 8 }), ending).map(([steps, end]) => write(steps, end));

function write(steps, end) {
  const events = [];
  const tell = (__typename, fact) => events.push({ __typename, seq: events.length + 1, ...fact });
  const status = (status, attempt, endReason = null) => tell('ExecutionStatusChanged', { status, endReason, attempt });
  let attempt = 1;
  const begin = (number, kind) => tell('StepStarted', { step: { id: `${number}/${attempt}`, number, kind, status: 'RUNNING', attempt, error: null, text: null, result: null } });
  const finish = (fact) => tell('StepFinished', { step: { ...events.findLast(({ __typename }) => __typename === 'StepStarted').step, ...fact } });
  status('QUEUED', 0);
  status('RUNNING', attempt);
  steps.forEach(({ kind, status: outcome, isLost, percent }, index) => {
    begin(index + 1, kind);
    if (isLost) {
      status('QUEUED', attempt);
      status('RUNNING', ++attempt);
      begin(index + 1, kind);
    }
    finish({ status: outcome, error: outcome === 'FAILED' ? `broke at ${index}` : null });
    if (percent !== null) tell('ProgressReported', { progress: { percent, message: null, at: 'now' } });
  });
  if (end === 'COMPLETED') {
    begin(steps.length + 1, 'FINAL_ANSWER');
    finish({ status: 'COMPLETED', text: 'Done.' });
  }
  if (end !== 'RUNNING') status(end, attempt, end);
  return events;
}

// The server's side: the state at a cursor, by what the newest event of each kind says.
function snapshot(events, seq) {
  const past = events.slice(0, seq);
  const last = past.findLast(({ status }) => status) ?? { status: 'QUEUED', endReason: null, attempt: 0 };
  const numbers = [...new Set(past.flatMap(({ step }) => step?.number ?? []))];
  const nodes = numbers.map((number) => past.findLast(({ step }) => step?.number === number).step);
  return {
    id: 'run',
    input: 'Do it',
    status: last.status,
    endReason: last.endReason,
    attempt: last.attempt,
    progress: past.findLast(({ progress }) => progress)?.progress ?? null,
    steps: { nodes: nodes.reverse() },
    result: last.status === 'COMPLETED' ? 'Done.' : null,
    error: last.status === 'FAILED' ? (nodes.find(({ status }) => status === 'FAILED')?.error ?? null) : null,
  };
}

function frames(events, after, size) {
  const opened = { __typename: 'StreamOpened', cursor: String(after), snapshot: snapshot(events, after) };
  const batches = [];
  for (let seq = after; seq < events.length; seq += size) {
    const some = events.slice(seq, seq + size);
    batches.push({ __typename: 'EventBatch', continuesFrom: String(seq), cursor: String(some.at(-1).seq), events: some });
  }
  return [opened, ...batches, { __typename: 'StreamClosed', cursor: String(events.length), reason: 'TERMINAL' }];
}

const run = (all, from) => all.reduce(reduceExecution, from);
const size = fc.integer({ min: 1, max: 5 });
const place = fc.nat(40);

test('the events of a run make of its first state the last one that the server knows', () => {
  fc.assert(
    fc.property(log, size, (events, size) => {
      const { steps, ...state } = snapshot(events, events.length);
      const nodes = steps.nodes.toSorted((one, other) => one.number - other.number);
      const expected = { ...state, steps: nodes, cursor: String(events.length), seq: events.length, isOver: true };
      assert.deepEqual(run(frames(events, 0, size)), expected);
    }),
  );
});

test('any prefix, and the rest of a resumed stream after it, give the same state', () => {
  fc.assert(
    fc.property(log, size, size, place, (events, size, other, cut) => {
      const whole = frames(events, 0, size);
      const prefix = whole.slice(0, 1 + (cut % (whole.length - 1)));
      const rest = frames(events, Number(prefix.at(-1).cursor), other);
      assert.deepEqual(run(rest, run(prefix)), run(whole));
    }),
  );
});

test('so does the rest without the snapshot, and a rest that tells again what was seen', () => {
  fc.assert(
    fc.property(log, size, place, place, (events, size, cut, back) => {
      const whole = frames(events, 0, size);
      const prefix = whole.slice(0, 1 + (cut % (whole.length - 1)));
      const seen = Number(prefix.at(-1).cursor);
      const [, ...rest] = frames(events, seen - (back % (seen + 1)), size);
      assert.deepEqual(run(rest, run(prefix)), run(whole));
    }),
  );
});

test('what was seen changes nothing when it is told again', () => {
  fc.assert(
    fc.property(log, size, place, (events, size, back) => {
      const whole = frames(events, 0, size);
      const again = whole[1 + (back % (whole.length - 2))];
      const state = run(whole.slice(0, -1));
      assert.deepEqual(run([again], state), { ...state, cursor: again.cursor });
    }),
  );
});

test('a snapshot from anywhere, and what follows it, give the same state', () => {
  fc.assert(
    fc.property(log, size, place, (events, size, cut) => {
      const after = cut % events.length;
      assert.deepEqual(run(frames(events, after, size)), run(frames(events, 0, size)));
    }),
  );
});

test('a reset starts over, also where the log lost its tail', () => {
  const events = write([], 'RUNNING');
  const before = run(frames(events, 0, 1));
  const lost = events.slice(0, 1);
  const reset = { __typename: 'StreamReset', cause: 'LOG_TRUNCATED', cursor: 'e2:1', snapshot: snapshot(lost, 1) };
  const again = { __typename: 'EventBatch', continuesFrom: 'e2:1', cursor: 'e2:2', events: [{ ...events[1], status: 'CANCELLING' }] };
  assert.equal(run([reset], before).status, 'QUEUED');
  assert.equal(run([reset, again], before).status, 'CANCELLING');
});

test('frames are never changed, heartbeats and unknown events move the cursor only', () => {
  const [opened] = frames(write([], 'RUNNING'), 0, 1);
  const first = run([Object.freeze(opened)]);
  const unknown = { __typename: 'EventBatch', continuesFrom: '0', cursor: '1', events: [{ __typename: 'Later', seq: 1 }] };
  assert.deepEqual(run([unknown, { __typename: 'Heartbeat', cursor: '1' }], Object.freeze(first)), { ...first, seq: 1, cursor: '1' });
  assert.equal(run([unknown]), undefined);
  assert.equal(run([{ __typename: 'StreamClosed', cursor: '1', reason: 'SERVER_DRAINING' }], first).isOver, false);
});
