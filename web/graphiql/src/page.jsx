import './workers.js';
import 'graphiql/style.css';
import './page.css';
import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';
import { createFetcher } from './fetcher.js';
import { headersOf, takeToken } from './token.js';
import { examples } from './examples.js';

const api = new URL(location.pathname, location.href);
const defaultHeaders = headersOf(takeToken());
const defaultTabs = examples.map((example) => ({ ...example, headers: defaultHeaders }));

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
