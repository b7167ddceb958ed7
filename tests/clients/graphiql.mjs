// A newcomer at GraphiQL, in a real Chromium that can reach nothing but the server: starts a run, watches it,
// lists the tasks, reloads.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { report, settings } from './report.mjs';

const [server, token, screenshot] = settings('BATON_SERVER', 'BATON_TOKEN', 'SCREENSHOT');
const origin = new URL(server).origin;
const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  `--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE ${new URL(server).hostname}`,
];

await report(async () => {
  const profile = await mkdtemp(path.join(tmpdir(), 'chromium-'));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: flags,
    colorScheme: 'light',
    viewport: { width: 1440, height: 900 },
  });
  const page = browser.pages()[0];
  const seen = await observe(browser, page);
  page.setDefaultTimeout(20_000);
  try {
    return { ...(await visit(page)), ...seen };
  } catch (error) {
    await page.screenshot({ path: screenshot });
    throw new Error(`${screenshot} shows where it ended; seen so far: ${JSON.stringify(seen)}`, { cause: error });
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  }
});

async function visit(page) {
  await page.goto(`${server}/graphql#token=${token}`);
  await signedIn(page);
  await page.reload();
  await signedIn(page);
  await page.goto(`${server}/graphql#token=${token}`); // the same page: only the fragment is new
  await signedIn(page);
  const tabs = await page.getByRole('tab').allInnerTexts();
  const run = await startRun(page);
  const frames = await watchRun(page, run);
  await page.screenshot({ path: screenshot });
  const tasks = await listTasks(page);
  await underlinesMistakes(page);
  await prettify(page);
  return { run, frames, tasks, tabs: tabs.map((title) => title.trim()) };
}

async function observe(browser, page) {
  const seen = { requests: 0, foreign: [], problems: [] };
  const isForeign = (url) => new URL(url.replace(/^ws/, 'http')).origin !== origin;
  await browser.route(
    () => true,
    (route) => {
      seen.requests += 1;
      if (!isForeign(route.request().url())) return route.continue();
      seen.foreign.push(route.request().url());
      return route.abort();
    },
  );
  page.on('websocket', (socket) => isForeign(socket.url()) && seen.foreign.push(socket.url()));
  page.on('pageerror', (error) => seen.problems.push(String(error)));
  browser.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) seen.problems.push(message.text());
  });
  return seen;
}

async function signedIn(page) {
  await page.waitForFunction(() => location.hash === ''); // the token has left the address bar
  assert.equal(await page.title(), 'Baton');
  await page.locator('.graphiql-query-editor .view-line').first().waitFor();
  await page.waitForFunction(() => !document.querySelector('.graphiql-spinner'));
  assert.ok(!JSON.stringify(await page.evaluate(() => ({ ...localStorage }))).includes(token), 'nothing on disk');
  assert.deepEqual(JSON.parse(await editor(page, 'request-headers.json')), { Authorization: `Bearer ${token}` });
}

async function startRun(page) {
  await openTab(page, 'StartRun');
  await page.getByRole('button', { name: 'Execute query' }).click();
  const { startExecution } = (await answered(page, ({ data }) => data)).data;
  assert.equal(startExecution.__typename, 'StartExecutionSuccess');
  return startExecution.execution.id;
}

async function watchRun(page, run) {
  await openTab(page, 'WatchRun');
  await page.getByRole('region', { name: 'Variables' }).getByRole('code').click();
  for (const key of ['ControlOrMeta+Home', 'ArrowDown', 'End', 'ArrowLeft']) await page.keyboard.press(key);
  await page.keyboard.insertText(run);
  await page.getByRole('button', { name: 'Execute query' }).click();
  const { results } = await answered(page, ({ results }) => results?.[0].data?.executionStream.reason);
  await page.getByText('"TERMINAL"').waitFor();
  return results.map(({ data }) => data.executionStream).reverse(); // the page shows the newest first
}

async function listTasks(page) {
  await openTab(page, 'Tasks');
  await page.locator('.graphiql-execute-button[aria-haspopup="menu"]').click(); // of several operations, which?
  await page.getByRole('menuitem', { name: 'Tasks', exact: true }).click();
  return (await answered(page, ({ data }) => data?.tasks)).data.tasks.totalCount;
}

// By the schema, in a worker.
async function underlinesMistakes(page) {
  await typeAtEnd(page, 'query Mistake { nonsense }');
  await underlined(page, true);
  for (const key of ['End', 'Shift+Home', 'Backspace']) await page.keyboard.press(key);
  await underlined(page, false);
}

function underlined(page, expected) {
  return page.waitForFunction((expected) => {
    const errors = globalThis.__MONACO.editor.getModelMarkers({}).filter(({ severity }) => severity === 8);
    return expected ? errors.some(({ message }) => message.includes('nonsense')) : errors.length === 0;
  }, expected);
}

// Its code is loaded when it is first used.
async function prettify(page) {
  await typeAtEnd(page, '    ');
  const untidy = await editor(page, 'operation.graphql');
  await page.getByRole('button', { name: 'Prettify query' }).click();
  await changed(page, 'operation.graphql', untidy);
  assert.match(await editor(page, 'operation.graphql'), /}\n?$/);
}

async function typeAtEnd(page, text) {
  await page.locator('.graphiql-query-editor').getByRole('code').click();
  await page.keyboard.press('ControlOrMeta+End');
  await page.keyboard.insertText(text);
}

async function openTab(page, title) {
  await page.getByRole('tab').getByRole('button', { name: title, exact: true }).click();
}

// Monaco draws only the lines in sight, so whole texts are read from its models.
function editor(page, name) {
  return page.evaluate(
    (end) => globalThis.__MONACO.editor.getModels().find(({ uri }) => uri.path.endsWith(end)).getValue(),
    name,
  );
}

async function answered(page, isWhole) {
  for (;;) {
    const text = await editor(page, 'response.json');
    assert.ok(!text.includes('"errors"'), text);
    if (text && isWhole(JSON.parse(text))) return JSON.parse(text);
    await changed(page, 'response.json', text);
  }
}

function changed(page, name, last) {
  return page.waitForFunction(
    ({ name, last }) => {
      const model = globalThis.__MONACO.editor.getModels().find(({ uri }) => uri.path.endsWith(name));
      return model.getValue() !== last;
    },
    { name, last },
  );
}
