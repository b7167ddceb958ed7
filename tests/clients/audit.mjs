// What the graphql-http project asks of any server that speaks GraphQL over HTTP.
import { auditServer } from 'graphql-http';
import { report, settings } from './report.mjs';

const [server, token] = settings('BATON_SERVER', 'BATON_TOKEN');

function signedIn(url, { headers, ...request } = {}) {
  return fetch(url, { ...request, headers: { ...headers, authorization: `Bearer ${token}` } });
}

await report(async () => {
  const results = await auditServer({ url: `${server}/graphql`, fetchFn: signedIn });
  return results.map(({ id, name, status, reason }) => ({ id, name, status, reason }));
});
