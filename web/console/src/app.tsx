// Who is signed in decides what is shown: a door, or the house with a client of its own.
import type { ApolloClient } from '@apollo/client';
import { ApolloProvider } from '@apollo/client/react';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { Route, Router, Switch } from 'wouter';
import { useHashLocation } from 'wouter/use-hash-location';
import { useActivity } from './activity';
import { openClient } from './client';
import { AgentsPage } from './pages/agents';
import { ChatPage } from './pages/chat';
import { InboxPage } from './pages/inbox';
import { RunPage } from './pages/run';
import { RunsPage } from './pages/runs';
import { SignInPage } from './pages/sign-in';
import { TasksPage } from './pages/tasks';
import { Empty } from './parts/basics';
import { Frame } from './parts/frame';
import { onSession, session } from './session';

export function App() {
  const isSignedIn = useSyncExternalStore(onSession, () => session() !== undefined);
  return isSignedIn ? <House /> : <SignInPage />;
}

/** A client for as long as somebody is signed in: the next person sees nothing of the one before. */
function House() {
  const [client, setClient] = useState<ApolloClient>();
  useEffect(() => {
    const opened = openClient();
    setClient(opened.client);
    return opened.close;
  }, []);
  if (!client) return null;
  return (
    <ApolloProvider client={client}>
      <Router hook={useHashLocation}>
        <Rooms />
      </Router>
    </ApolloProvider>
  );
}

function Rooms() {
  useActivity();
  return (
    <Frame>
      <Switch>
        <Route path="/" component={TasksPage} />
        <Route path="/chat/:id?">{({ id }) => <ChatPage id={id} />}</Route>
        <Route path="/runs" component={RunsPage} />
        <Route path="/runs/:id">{({ id }) => <RunPage key={id} id={id} />}</Route>
        <Route path="/inbox" component={InboxPage} />
        <Route path="/agents" component={AgentsPage} />
        <Route>
          <Empty title="Nothing is here">This address leads nowhere.</Empty>
        </Route>
      </Switch>
    </Frame>
  );
}
