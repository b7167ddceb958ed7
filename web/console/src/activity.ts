// What happens to the user's things, wherever it was done: lists and lines follow it without asking.
import type { ApolloClient } from '@apollo/client';
import { useApolloClient, useSubscription } from '@apollo/client/react';
import { useRef } from 'react';
import { ACTIVITY, type Activity } from './documents';

const GATHER_MS = 80;

export function useActivity(): void {
  const client = useApolloClient();
  const ask = useRefetch(client);
  useSubscription(ACTIVITY, {
    onData: ({ data }) => {
      const frame = data.data?.activityStream;
      if (frame?.__typename === 'StreamReset') ask('Tasks', 'Runs', 'Inbox', 'Family', 'Conversations');
      for (const event of frame?.events ?? []) ask(...touched(client, event));
    },
  });
}

/** Brings the cache up to date with an event; answers the lists that it may have changed. */
function touched(client: ApolloClient, event: Activity): string[] {
  switch (event.__typename) {
    case 'TaskChanged':
      return ['Tasks'];
    case 'ExecutionStatusChanged': {
      const isKnown = client.cache.modify({
        id: `Execution:${event.executionId}`,
        fields: { status: () => event.status, endReason: () => event.endReason },
      });
      return isKnown ? ['Family'] : ['Runs', 'Family', 'Conversations'];
    }
    default:
      return ['Inbox', 'Family'];
  }
}

/** Asks for lists again, those that are shown; what comes at once is one question. */
function useRefetch(client: ApolloClient): (...names: string[]) => void {
  const waiting = useRef(new Set<string>());
  return (...names) => {
    if (waiting.current.size === 0 && names.length > 0) setTimeout(send, GATHER_MS);
    for (const name of names) waiting.current.add(name);
  };
  function send() {
    const asked = waiting.current;
    waiting.current = new Set();
    const shown = [...client.getObservableQueries('active')].map((query) => query.queryName);
    const include = [...asked].filter((name) => shown.includes(name));
    if (include.length > 0) client.refetchQueries({ include }).catch(() => undefined); // the next event asks again
  }
}
