// Apollo Client 4 with its own link for automatic persisted queries: by POST, by GET, and over a WebSocket.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { report, settings } from './report.mjs';

globalThis.WebSocket ??= WebSocket;
const [first, second, token] = settings('BATON_SERVER', 'BATON_OTHER_SERVER', 'BATON_TOKEN');
const authorization = `Bearer ${token}`;
const sha256 = (text) => createHash('sha256').update(text).digest('hex');

const BY_POST = gql`
  query ByPost($first: Int) {
    tasks(first: $first) {
      totalCount
    }
  }
`;
const BY_GET = gql`
  query ByGet($first: Int) {
    tasks(first: $first) {
      totalCount
    }
  }
`;
const BY_SOCKET = gql`
  subscription BySocket {
    executionStream(id: "task") {
      __typename
    }
  }
`;

await report(async () => {
  const posts = await twice(first, BY_POST, false);
  const elsewhere = await twice(second, BY_POST, false);
  const gets = await twice(first, BY_GET, true);
  await overSocket();
  return { posts, elsewhere, gets };
});

// What was sent for the same query asked twice: the method, and whether the document was in it.
async function twice(server, query, useGETForHashedQueries) {
  const sent = [];
  const spy = async (url, options) => {
    const text = options.method === 'GET' ? url : options.body;
    sent.push(`${options.method} ${text.includes('totalCount') ? 'with' : 'without'} the document`);
    return fetch(url, options);
  };
  const http = new HttpLink({ uri: `${server}/graphql`, headers: { authorization }, fetch: spy });
  const link = ApolloLink.from([new PersistedQueryLink({ sha256, useGETForHashedQueries }), http]);
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  for (const size of [1, 2]) {
    const { data } = await client.query({ query, variables: { first: size }, fetchPolicy: 'network-only' });
    assert.deepEqual(data, { tasks: { __typename: 'TaskConnection', totalCount: 0 } });
  }
  return sent;
}

// The document goes with its hash; the server holds one against the other, and answers.
async function overSocket() {
  const url = `${first.replace(/^http/, 'ws')}/graphql`;
  const socket = new GraphQLWsLink(createClient({ url, connectionParams: { authorization }, retryAttempts: 0 }));
  const link = ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    ApolloLink.from([new PersistedQueryLink({ sha256 }), socket]),
    ApolloLink.empty(),
  );
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  const error = await new Promise((resolve, reject) => {
    client.subscribe({ query: BY_SOCKET }).subscribe({
      next: (result) => (result.error ? resolve(result.error) : reject(new Error(JSON.stringify(result)))),
      error: resolve,
      complete: () => reject(new Error('complete')),
    });
  });
  assert.equal(error.errors?.[0].extensions.code, 'INVALID_ID', String(error));
}
