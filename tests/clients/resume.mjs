// Runs under way, watched by a real application through connections that are cut again and again.
import assert from 'node:assert/strict';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { shown } from '../../web/link/test/apps/page.mjs';
import { apolloApp } from '../../web/link/test/apps/apollo.mjs';
import { urqlApp } from '../../web/link/test/apps/urql.mjs';
import { resumable } from '../../web/link/dist/index.js';
import { houseAt, until } from './house.mjs';
import { openProxy } from './proxy.mjs';
import { report, settings } from './report.mjs';

const [app, first, second, token, drops, seed] = settings(
  'APP', 'BATON_SERVER', 'BATON_OTHER_SERVER', 'BATON_TOKEN', 'DROPS', 'SEED', // prettier-ignore
);
const authorization = `Bearer ${token}`;
const house = houseAt(first, authorization);
const APPS = { apollo: apolloApp, urql: urqlApp };
const AT_A_TIME = 2;
const PATIENCE = [100, 9_000];
const THINGS = ['call the dentist', 'water the plants', 'buy milk', 'pay the rent', 'fix the bike', 'mow the lawn'];
const INPUT = [...THINGS.map((thing) => `add a task to ${thing}`), 'show my tasks'].join(', then ');

await report(async () => {
  const random = randomly(Number(seed));
  const drop = { done: 0, onTheWay: 0, inTheMidst: 0 };
  const patience = () => {
    if (drop.done + drop.onTheWay >= Number(drops)) return Infinity;
    drop.onTheWay += 1;
    return Math.floor(PATIENCE[0] + random() * (PATIENCE[1] - PATIENCE[0]));
  };
  const url = await openProxy([first, second], patience, () => {
    drop.onTheWay -= 1;
    drop.done += 1;
    drop.inTheMidst += shown().some(({ isOver }) => !isOver) ? 1 : 0;
  });
  const retries = [];
  const client = createClient({ url: `${url}/graphql`, webSocketImpl: WebSocket, connectionParams: { authorization }, retryAttempts: 0 });
  const socket = resumable(client, { delay: () => random() * 30, onRetry: ({ reason }) => retries.push(reason) });

  const page = APPS[app](socket);
  const ids = await showRuns(page, () => drop.done >= Number(drops));
  const runs = await Promise.all(shown().map(checked));
  page.close();
  assert.deepEqual(runs.map(({ id }) => id), ids);
  return { drops: drop.done, inTheMidst: drop.inTheMidst, retries: retries.length, runs };
});

/** A run after another, some at a time, until enough was cut; then what is under way is seen to its end. */
async function showRuns(page, isEnough) {
  const ids = [];
  while (!isEnough()) {
    await until(() => underway() < AT_A_TIME || isEnough(), shown);
    ids.push(await start());
    page.show(ids);
    await until(() => shown().length === ids.length, shown);
  }
  await until(() => underway() === 0, shown);
  return ids;
}

function underway() {
  const runs = shown();
  for (const { problem } of runs) assert.equal(problem, null);
  return runs.filter(({ isOver }) => !isOver).length;
}

async function checked({ id, events, opened, state }) {
  const { log, ...told } = await house.run(id);
  assert.deepEqual(events, log, 'the events that the page shows');
  assert.deepEqual(events, Array.from(events, (_, index) => index + 1), '1..N');
  assert.equal(opened, 1, 'one stream, opened once');
  assert.deepEqual(state, told);
  return { id, events: events.length, status: state.status };
}

async function start() {
  const { startExecution } = await house.ask(
    'mutation ($input: StartExecutionInput!) { startExecution(input: $input) { ... on StartExecutionSuccess { execution { id } } } }',
    { input: { input: INPUT } },
  );
  return startExecution.execution.id;
}

function randomly(state) {
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}
