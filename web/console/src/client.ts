// One Apollo Client: questions over HTTP, streams over one socket that resumes.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, type FieldPolicy } from '@apollo/client';
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { SetContextLink } from '@apollo/client/link/context';
import { ErrorLink } from '@apollo/client/link/error';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { getMainDefinition } from '@apollo/client/utilities';
import { resumable } from '@baton/resume-link';
import { createClient } from 'graphql-ws';
import { connection } from './connection';
import { freshToken, signedOut } from './session';

interface Page {
  nodes: unknown[];
}

/** Pages of a list put together: one asked for after a cursor goes behind what is there. */
function pages(...keyArgs: string[]): FieldPolicy<Page> {
  return {
    keyArgs,
    merge: (there, page, { args }) =>
      args?.after && there ? { ...page, nodes: [...there.nodes, ...page.nodes] } : page,
  };
}

function cache(): InMemoryCache {
  return new InMemoryCache({
    typePolicies: {
      Query: {
        fields: {
          tasks: pages('filter', 'orderBy'),
          executions: pages('filter'),
          conversations: pages(),
          interrupts: pages('status'),
          agents: pages('includeArchived'),
        },
      },
    },
  });
}

const authorised = new SetContextLink(async ({ headers }) => {
  const token = await freshToken();
  return token ? { headers: { ...headers, authorization: `Bearer ${token}` } } : {};
});

const watchful = new ErrorLink(({ error }) => {
  if (CombinedGraphQLErrors.is(error) && error.errors.some(({ extensions }) => extensions?.code === 'UNAUTHENTICATED')) {
    signedOut();
  }
});

/** Milliseconds before the next try: somebody is looking, so never long. */
function delay(attempt: number): number {
  return Math.random() * Math.min(3_000, 250 * 2 ** attempt);
}

export function openClient(): { client: ApolloClient; close: () => void } {
  const socket = createClient({
    url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
    connectionParams: async () => ({ authorization: `Bearer ${await freshToken()}` }),
    retryAttempts: 0, // coming back is the link's business
    on: { connected: connection.up },
  });
  const streams = new GraphQLWsLink(resumable(socket, { delay, onRetry: connection.down }));
  const questions = authorised.concat(watchful).concat(new HttpLink({ uri: '/graphql' }));
  const isStream: Parameters<typeof ApolloLink.split>[0] = ({ query }) => {
    const main = getMainDefinition(query);
    return main.kind === 'OperationDefinition' && main.operation === 'subscription';
  };
  const link = ApolloLink.split(isStream, streams, questions);
  // What is asked again because of news must not get the answer to the question before it, which is still on its way.
  const client = new ApolloClient({ cache: cache(), link, queryDeduplication: false });
  const close = () => {
    client.stop();
    void socket.dispose();
  };
  return { client, close };
}
