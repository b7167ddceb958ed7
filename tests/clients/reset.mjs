// A run that is watched by a real application, which is cut off and comes back after the run's log was pruned.
import assert from 'node:assert/strict';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { shown } from '../../web/link/test/apps/page.mjs';
import { apolloApp } from '../../web/link/test/apps/apollo.mjs';
import { resumable } from '../../web/link/dist/index.js';
import { houseAt, until } from './house.mjs';
import { report, settings } from './report.mjs';

const [server, road, token, run] = settings('BATON_SERVER', 'BATON_ROAD', 'BATON_TOKEN', 'RUN');
const authorization = `Bearer ${token}`;

await report(async () => {
  const client = createClient({
    url: `${road}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
    retryAttempts: 0,
  });
  const page = apolloApp(resumable(client, { delay: () => 20 }));
  page.show([run]);
  await until(() => shown()[0]?.isOver, shown);
  const [{ events, opened, resets, problem, state }] = shown();
  page.close();
  const { log, ...told } = await houseAt(server, authorization).run(run);
  assert.deepEqual(state, told, 'the state of the run');
  return { events, opened, resets, problem, kept: log };
});
