// How every script here ends: one JSON object on standard output, or a reason on standard error and exit code 1.
import assert from 'node:assert/strict';
import { inspect } from 'node:util';

export function settings(...names) {
  return names.map((name) => {
    assert.ok(process.env[name], `${name} is not set`);
    return process.env[name];
  });
}

export async function report(work) {
  try {
    process.stdout.write(`${JSON.stringify(await work(), null, 2)}\n`);
    process.exit(0); // an open socket must not keep a finished script alive
  } catch (error) {
    process.stderr.write(`${inspect(error)}\n`);
    process.exit(1);
  }
}
