// Builds dist/: one page, its scripts, its workers and the licences of what is bundled in them.
// The same sources and lock give the same bytes, so a test can hold the committed dist/ to them.
import { build } from 'esbuild';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const home = path.dirname(fileURLToPath(import.meta.url));
const dist = path.resolve(process.argv[2] ?? path.join(home, 'dist'));
const servedFrom = '/graphiql/';

// graphiql's sheet already holds Monaco's, and embeds Roboto and Fira Code (0.4 MB, without their licences):
// the reader's own fonts serve as well.
const sheets = {
  name: 'sheets',
  setup(into) {
    into.onLoad({ filter: /monaco-editor\/esm\/.*\.css$/ }, () => ({ contents: '', loader: 'empty' }));
    into.onLoad({ filter: /graphiql\/dist\/style\.css$/ }, async ({ path: file }) => ({
      contents: (await readFile(file, 'utf8')).replaceAll(/@font-face\s*{[^}]*(?:Roboto|Fira Code)[^}]*}/g, ''),
      loader: 'css',
    }));
  },
};

const workers = {
  editor: 'node_modules/monaco-editor/esm/vs/editor/editor.worker.js',
  json: 'node_modules/monaco-editor/esm/vs/language/json/json.worker.js',
  graphql: 'node_modules/monaco-graphql/esm/graphql.worker.js',
};

await rm(dist, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: home,
  outdir: dist,
  entryPoints: Object.entries({ page: 'src/page.jsx', ...workers }).map(([out, file]) => ({ out, in: file })),
  entryNames: '[name]-[hash]',
  chunkNames: 'chunk-[hash]',
  bundle: true,
  minify: true,
  keepNames: true, // graphiql titles its icons after their functions
  splitting: true,
  metafile: true,
  format: 'esm',
  target: 'es2022',
  charset: 'utf8',
  jsx: 'automatic',
  legalComments: 'none', // the whole texts stand in THIRD_PARTY_LICENSES.txt
  plugins: [sheets],
  alias: { 'prettier/parser-graphql': 'prettier/plugins/graphql', 'prettier/parser-babel': 'prettier/plugins/babel' },
  loader: { '.graphql': 'text' },
  define: { 'process.env.NODE_ENV': '"production"' },
});
await writeFile(path.join(dist, 'index.html'), await page());
await writeFile(path.join(dist, 'THIRD_PARTY_LICENSES.txt'), await licences());

async function page() {
  const { script, style } = built('src/page.jsx');
  const names = Object.entries(workers).map(([name, file]) => [name, built(file).script]);
  const template = await readFile(path.join(home, 'src/index.html'), 'utf8');
  return template
    .replace('{{style}}', style)
    .replace('{{script}}', script)
    .replace('{{workers}}', JSON.stringify(Object.fromEntries(names)));
}

function built(entryPoint) {
  const [script, { cssBundle }] = Object.entries(metafile.outputs).find(([, out]) => out.entryPoint === entryPoint);
  return { script: servedFrom + path.basename(script), style: cssBundle && servedFrom + path.basename(cssBundle) };
}

async function licences() {
  const folders = Object.keys(metafile.inputs).map((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]);
  const chapters = await Promise.all([...new Set(folders)].filter(Boolean).sort().map(chapter));
  return `What is bundled in this folder, and under which terms.\n\n${[...new Set(chapters)].join('\n')}`;
}

async function chapter(folder) {
  const { name, version, license } = JSON.parse(await readFile(path.join(home, folder, 'package.json'), 'utf8'));
  const files = (await readdir(path.join(home, folder))).filter((file) => /^(licen[cs]e|notice|thirdparty)/i.test(file));
  const texts = await Promise.all(files.sort().map((file) => readFile(path.join(home, folder, file), 'utf8')));
  return [`${'='.repeat(78)}\n${name} ${version} (${license})\n`, ...texts].join('\n').replaceAll('\r\n', '\n');
}
