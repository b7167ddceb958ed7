// Monaco's language services, from this page's own origin; the build writes their names into the page.
const workers = JSON.parse(document.body.dataset.workers);

globalThis.MonacoEnvironment = {
  getWorker(_id, label) {
    return new Worker(workers[label] ?? workers.editor, { type: 'module' });
  },
};
