import './workers.js';
import 'graphiql/style.css';
import './page.css';
import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';
import { createFetcher } from './fetcher.js';
import { headersOf, takeToken } from './token.js';
import startRun from './documents/start-run.graphql';
import watchRun from './documents/watch-run.graphql';
import tasks from './documents/tasks.graphql';

const api = new URL(location.pathname, location.href);
const defaultHeaders = headersOf(takeToken());

const defaultTabs = [
  { query: startRun, headers: defaultHeaders },
  { query: watchRun, variables: '{\n  "id": ""\n}', headers: defaultHeaders },
  { query: tasks, headers: defaultHeaders },
];

createRoot(document.getElementById('page')).render(
  <GraphiQL
    fetcher={createFetcher(api, JSON.parse(defaultHeaders))}
    defaultHeaders={defaultHeaders}
    defaultTabs={defaultTabs}
    defaultEditorToolsVisibility="variables"
    shouldPersistHeaders={false}
    inputValueDeprecation
    schemaDescription
  >
    <GraphiQL.Logo>Baton</GraphiQL.Logo>
  </GraphiQL>,
);
