// An application on urql and React: urql's handler takes the reducer as it is.
import { root } from './page.mjs';
import { EXECUTION_STREAM, reduceExecution } from '@baton/resume-link';
import { createElement } from 'react';
import { createRoot } from 'react-dom/client';
import { Client, Provider, subscriptionExchange, useSubscription } from 'urql';
import { Run } from './runs.mjs';

const NOTHING = { frames: [], execution: undefined };

export function urqlApp(socket) {
  const client = new Client({
    url: 'http://localhost/graphql',
    exchanges: [
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
        }),
      }),
    ],
  });
  const page = createRoot(root);
  return {
    show(ids) {
      const runs = ids.map((id) => createElement(Watched, { key: id, id }));
      page.render(createElement(Provider, { value: client }, runs));
    },
    close: () => page.unmount(),
  };
}

function Watched({ id }) {
  const [{ data = NOTHING, error }] = useSubscription({ query: EXECUTION_STREAM, variables: { id } }, seen);
  return createElement(Run, { id, ...data, problem: error });
}

function seen({ frames, execution } = NOTHING, { executionStream: frame }) {
  return { frames: [...frames, frame], execution: reduceExecution(execution, frame) };
}
