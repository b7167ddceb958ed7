// A person at the console, in a real Chromium that can reach nothing but the server: signs up, says what is to
// be done, starts a run, loses the server in the middle of it, approves a call, chats; a second tab follows.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { report, settings } from './report.mjs';

const [server, serve, work, pictures] = settings('SERVER', 'SERVE', 'WORK', 'PICTURES');
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
const children = [];

await report(async () => {
  const serving = start(serve); // while the browser starts
  const profile = await mkdtemp(path.join(tmpdir(), 'chromium-'));
  const options = { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags };
  const look = { colorScheme: 'light', viewport: { width: 1280, height: 800 } };
  const browser = await chromium.launchPersistentContext(profile, { ...options, ...look });
  browser.setDefaultTimeout(40_000);
  const page = browser.pages()[0];
  const seen = observe(browser);
  try {
    await visit(browser, page, seen, await serving);
    return seen;
  } catch (error) {
    await page.screenshot({ path: picture('failure') });
    throw new Error(`${picture('failure')} shows where it ended; seen: ${JSON.stringify(seen)}`, { cause: error });
  } finally {
    await browser.close();
    for (const child of children) child.kill('SIGKILL');
    await rm(profile, { recursive: true, force: true });
  }
});

async function visit(browser, page, seen, current) {
  await page.goto(server);
  await signUp(page);
  const other = await browser.newPage();
  await other.goto(server);
  await other.getByRole('heading', { name: 'Tasks' }).waitFor();
  await askFor(page, 'Add a high priority task to call the dentist by Friday', 'Call the dentist');
  await other.getByText('Call the dentist', { exact: true }).waitFor(); // without a reload
  await page.screenshot({ path: picture('tasks') });

  await startRun(page, 'Add a task to water the plants, then show my tasks');
  await page.getByText('queued', { exact: true }).waitFor(); // nobody is there to carry it
  await watchForFlicker(page);
  seen.isRestarting = true;
  current.kill('SIGKILL');
  await Promise.all([start(serve), start(work)]);
  await page.getByText('You have 2 tasks').waitFor();
  seen.isRestarting = false;
  seen.flickers = await page.evaluate(() => globalThis.flickers);
  seen.steps = await page.getByRole('list', { name: 'Steps' }).getByRole('listitem').count();
  await page.screenshot({ path: picture('run') });
  await other.getByText('Water the plants', { exact: true }).waitFor();

  await makeAgent(page);
  const asked = await staleOnce(page, 'Family', (data) => (data.execution.interrupts = []));
  await startRun(page, 'Add a task to buy bread', 'Careful');
  await page.getByRole('heading', { name: /May it call this tool/ }).waitFor();
  await asked();
  await page.getByRole('link', { name: /Inbox/ }).click();
  await page.getByRole('heading', { name: /May it call this tool/ }).waitFor();
  await page.screenshot({ path: picture('inbox') });
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.getByText('Nothing waits for you').waitFor();
  await other.getByText('Buy bread', { exact: true }).waitFor();

  await family(page);
  await chat(page);
  await page.screenshot({ path: picture('chat') });
  await keys(page);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  await other.getByRole('button', { name: 'Sign in' }).waitFor(); // the other tab, too
}

async function signUp(page) {
  await page.getByRole('button', { name: 'Create an account' }).click();
  await page.getByLabel('Email').fill('console@example.com');
  await page.getByLabel('Password').fill('short');
  await page.getByLabel('Password').fill('correct horse battery staple');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByRole('heading', { name: 'No tasks' }).waitFor();
}

async function askFor(page, sentence, title) {
  await page.keyboard.press('/');
  await page.keyboard.type(sentence);
  await page.keyboard.press('Enter');
  await page.getByText(title, { exact: true }).waitFor();
}

async function startRun(page, input, agent) {
  await page.getByRole('link', { name: 'Runs' }).click();
  if (agent) await page.getByLabel('Agent', { exact: true }).selectOption(agent);
  await page.getByLabel('What the agent should do').fill(input);
  await page.getByRole('button', { name: 'Start' }).click();
}

/** Counts how often something of the run that was shown is taken away again. */
function watchForFlicker(page) {
  return page.evaluate(() => {
    globalThis.flickers = 0;
    let most = 0;
    new MutationObserver(() => {
      const steps = document.querySelectorAll('.steps li').length;
      if (!document.querySelector('.run-head') || steps < most) globalThis.flickers += 1;
      most = Math.max(most, steps);
    }).observe(document.body, { childList: true, subtree: true });
  });
}

/**
 * The first answer to a question is from before, and comes only when the question was asked again: what was told
 * in between is shown all the same. Answers a function that ends this.
 */
async function staleOnce(page, name, age) {
  let again;
  const askedAgain = new Promise((resolve) => (again = resolve));
  let count = 0;
  await page.route('**/graphql', async (route) => {
    if (route.request().postDataJSON()?.operationName !== name) return route.continue();
    count += 1;
    if (count > 1) {
      again();
      return route.continue();
    }
    const response = await route.fetch();
    const json = await response.json();
    age(json.data);
    await askedAgain;
    return route.fulfill({ response, json }).catch(() => undefined); // the page may have given it up
  });
  return () => page.unroute('**/graphql');
}

async function makeAgent(page) {
  await page.getByRole('link', { name: 'Agents' }).click();
  await page.getByRole('button', { name: 'New agent' }).click();
  await page.getByLabel('Name').fill('Careful');
  await page.getByLabel('Messages that are too many').selectOption('summarise the oldest');
  await page.locator('.tool', { hasText: 'add_task' }).getByLabel('asks first').check();
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('list', { name: 'Agents' }).getByText('Careful').click();
  assert.equal(await page.getByLabel('Messages that are too many').inputValue(), 'SUMMARIZE');
  await page.getByRole('button', { name: 'Cancel' }).click();
}

/** A run that has started others, and one that is not there. */
async function family(page) {
  const id = await page.evaluate(async () => {
    const { accessToken } = JSON.parse(localStorage.getItem('baton:session'));
    const stages = '[[{name: "a", input: "Show my tasks"}, {name: "b", input: "Show my tasks"}]]';
    const response = await fetch('/graphql', {
      method: 'POST',
      headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        query: `mutation { startPipeline(input: {stages: ${stages}}) { ... on StartExecutionSuccess { execution { id } } } }`,
      }),
    });
    return (await response.json()).data.startPipeline.execution.id;
  });
  await page.goto(`${server}/#/runs/${id}`);
  await page.getByRole('list', { name: 'Children' }).getByText('completed').nth(1).waitFor();
  await page.goto(`${server}/#/runs/exec_01h455vb4pex5vsknk084sn02q`);
  await page.getByRole('heading', { name: 'No such run' }).waitFor();
}

async function chat(page) {
  await page.getByRole('link', { name: 'Chat' }).click();
  await page.getByLabel('Message').fill('Add a task to call mum');
  await page.getByLabel('Message').press('Enter');
  await page.getByRole('log').getByText('Task created: Call mum').waitFor();
  assert.equal(await page.getByRole('log').getByText('Task created: Call mum').count(), 1);
}

async function keys(page) {
  await page.locator('body').click({ position: { x: 5, y: 400 } });
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('g');
  await page.keyboard.press('t');
  await page.getByRole('heading', { name: 'Tasks' }).waitFor();
  await page.getByRole('button', { name: 'Dark' }).click();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
}

function observe(browser) {
  const seen = { foreign: [], problems: [], isRestarting: false };
  const isForeign = (url) => new URL(url.replace(/^ws/, 'http')).origin !== new URL(server).origin;
  browser.on('request', (request) => isForeign(request.url()) && seen.foreign.push(request.url()));
  browser.on('weberror', (error) => seen.problems.push(String(error.error())));
  browser.on('console', (message) => {
    const isProblem = ['error', 'warning'].includes(message.type());
    if (isProblem && !seen.isRestarting) seen.problems.push(message.text()); // a dead server is told by the browser
  });
  return seen;
}

/** Starts a process of ours; a server is awaited until it is ready. */
async function start(command) {
  const [program, ...args] = JSON.parse(command);
  const child = spawn(program, args, { stdio: 'ignore' });
  children.push(child);
  if (command !== serve) return child;
  for (;;) {
    const ready = await fetch(`${server}/health/ready`).catch(() => undefined);
    if (ready?.ok) return child;
    assert.equal(child.exitCode, null, 'the server ended');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function picture(name) {
  return path.join(pictures, `console-${name}.png`);
}
