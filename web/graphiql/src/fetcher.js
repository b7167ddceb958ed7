import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { parse } from 'graphql';
import { createClient } from 'graphql-ws';
import { withHistory } from './history.js';

// Queries and mutations go over HTTP, subscriptions over a socket of their own: its identity is the one that
// the headers editor holds when the operation starts.
export function createFetcher(api, firstHeaders) {
  const overHttp = createGraphiQLFetcher({ url: api.href });
  return ({ operationName, ...params }, { headers } = {}) => {
    // The first introspection may run before there is an editor to read headers from.
    if (operationName === 'IntrospectionQuery') {
      return overHttp({ ...params, operationName }, { headers: headers ?? firstHeaders });
    }
    const operation = operationOf(params.query, operationName);
    const request = { ...params, operationName: operation?.name?.value ?? operationName };
    if (operation?.operation === 'subscription') return withHistory(overSocket(api, headers).iterate(request));
    return overHttp(request, { headers });
  };
}

// Right after a change of tabs GraphiQL still knows the last tab's operation; the text knows better.
function operationOf(text, name) {
  try {
    const operations = parse(text).definitions.filter(({ kind }) => kind === 'OperationDefinition');
    return operations.length === 1 ? operations[0] : operations.find((operation) => operation.name?.value === name);
  } catch {
    return undefined; // the server says what is wrong with it
  }
}

// No retries: a stream that was cut is shown as cut. Its last cursor is on the screen.
function overSocket(api, headers) {
  const url = new URL(api);
  url.protocol = api.protocol.replace('http', 'ws');
  return createClient({ url: url.href, connectionParams: identity(headers), retryAttempts: 0 });
}

function identity(headers = {}) {
  const name = Object.keys(headers).find((header) => header.toLowerCase() === 'authorization');
  return name ? { authorization: headers[name] } : {};
}
