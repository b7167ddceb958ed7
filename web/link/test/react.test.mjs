import { root } from './apps/page.mjs';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApolloClient, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { ApolloProvider } from '@apollo/client/react';
import { createElement } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { useExecution } from '@baton/resume-link/react';
import { connect, house } from './house.mjs';

test('a page follows no run, one, another without a trace of the first, and hears that a third is not there', async (t) => {
  const { url, asked } = await house(t, (answer, { id, after }) => {
    answer.field = 'executionStream';
    if (id === 'none') answer.error({ code: 'NOT_FOUND' });
    else if (after === undefined) answer.frame(0, opened(id)).cut();
    else answer.frame(1, status('RUNNING'));
  });
  const page = show(t, url);
  assert.equal(await page('–'), 'nothing');
  assert.equal(await page('one', 'RUNNING'), 'one RUNNING');
  assert.equal(await page('two', 'RUNNING'), 'two RUNNING');
  assert.equal(await page('none', 'no'), 'nothing no');
  assert.deepEqual(page.seen, ['nothing', 'one QUEUED', 'one RUNNING', 'nothing', 'two QUEUED', 'two RUNNING', 'nothing', 'nothing no']);
  const cursors = asked.map(({ variables: { id, from, after } }) => [id, from, after]);
  assert.deepEqual(cursors, [
    ['one', 'NOW', undefined],
    ['one', 'NOW', '0'],
    ['two', 'NOW', undefined],
    ['two', 'NOW', '0'],
    ['none', 'NOW', undefined],
  ]);
});

test('who joins later sees the whole run too', async (t) => {
  const { url } = await house(t, (answer, { id }) => {
    answer.field = 'executionStream';
    answer.frame(0, opened(id)).frame(1, status('RUNNING'));
  });
  const page = show(t, url);
  await page('one', 'RUNNING');
  assert.equal(await page('one', 'RUNNINGone RUNNING', 2), 'one RUNNINGone RUNNING');
});

function opened(id) {
  const nothing = { endReason: null, attempt: 0, progress: null, result: null, error: null, input: 'Do it' };
  const snapshot = { __typename: 'Execution', id, status: 'QUEUED', steps: { nodes: [] }, ...nothing };
  return { __typename: 'StreamOpened', cursor: '0', snapshot };
}

function status(status) {
  const event = { __typename: 'ExecutionStatusChanged', seq: 1, status, endReason: null, attempt: 1 };
  return { __typename: 'EventBatch', continuesFrom: '0', cursor: '1', events: [event] };
}

/** Shows a run and waits until its text ends in so many words. */
function show(t, url) {
  const link = new GraphQLWsLink(connect(url));
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  const page = createRoot(root);
  t.after(() => page.unmount());
  const seen = [];
  const Follow = ({ id }) => {
    const { execution, error } = useExecution(id === '–' ? undefined : id, { from: 'NOW' });
    const words = [execution ? `${execution.id} ${execution.status}` : 'nothing', error?.message];
    const text = words.filter(Boolean).join(' ');
    if (seen.at(-1) !== text) seen.push(text);
    return text;
  };
  const until = async (id, end = 'nothing', times = 1) => {
    const following = Array.from({ length: times }, (_, key) => createElement(Follow, { key, id }));
    flushSync(() => page.render(createElement(ApolloProvider, { client }, following)));
    while (!root.textContent.endsWith(end)) await new Promise((passed) => setTimeout(passed, 5));
    return root.textContent;
  };
  return Object.assign(until, { seen });
}
