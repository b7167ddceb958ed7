// An application on Apollo Client and React: each run twice, by Apollo's own useSubscription and by useExecution.
import { root } from './page.mjs';
import { ApolloClient, gql, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { ApolloProvider, useSubscription } from '@apollo/client/react';
import { EXECUTION_STREAM } from '@baton/resume-link';
import { useExecution } from '@baton/resume-link/react';
import { createElement, StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Run } from './runs.mjs';

const STREAM = gql(EXECUTION_STREAM);

export function apolloApp(socket) {
  const client = new ApolloClient({ link: new GraphQLWsLink(socket), cache: new InMemoryCache() });
  const page = createRoot(root);
  return {
    show(ids) {
      const runs = ids.map((id) => createElement(Watched, { key: id, id }));
      page.render(createElement(StrictMode, null, createElement(ApolloProvider, { client }, runs)));
    },
    close: () => page.unmount(),
  };
}

function Watched({ id }) {
  const [frames, setFrames] = useState([]);
  const { error } = useSubscription(STREAM, {
    variables: { id },
    onData: ({ data }) => setFrames((seen) => [...seen, data.data.executionStream]),
  });
  const { execution, error: other } = useExecution(id);
  return createElement(Run, { id, frames, execution, problem: error ?? other });
}
