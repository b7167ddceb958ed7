import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { getOperationAST } from 'graphql';
import { createClient } from 'graphql-ws';
import { withHistory } from './history.js';

// Queries and mutations go over HTTP, subscriptions over a socket of their own: its identity is the one that
// the headers editor holds when the operation starts.
export function createFetcher(api, firstHeaders) {
  const overHttp = createGraphiQLFetcher({ url: api.href });
  return (params, { headers, documentAST } = {}) => {
    const operation = documentAST && getOperationAST(documentAST, params.operationName)?.operation;
    if (operation === 'subscription') return withHistory(overSocket(api, headers).iterate(params));
    // The first introspection may run before there is an editor to read headers from.
    return overHttp(params, { headers: documentAST ? headers : (headers ?? firstHeaders), documentAST });
  };
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
