// Resolves the dependencies of an npm project into its lock, which then names versions and hashes, and no host.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const project = process.argv[2] ?? '.';
const file = path.join(project, 'package-lock.json');

execFileSync('npm', ['install', '--package-lock-only', '--ignore-scripts'], { cwd: project, stdio: 'inherit' });
const lock = JSON.parse(readFileSync(file, 'utf8'));
for (const entry of Object.values(lock.packages)) {
  if (!entry.link) delete entry.resolved; // a link's is a folder of ours
  delete entry.funding;
  delete entry.deprecated;
}
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
