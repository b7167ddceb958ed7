// An application on Apollo Client 4: queries and mutations by one server, streams by graphql-ws from another.
import assert from 'node:assert/strict';
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { report, settings } from './report.mjs';

globalThis.WebSocket ??= WebSocket; // Node 20 has none; graphql-ws and Apollo's link to it look there
const [overHttp, overSocket, token] = settings('BATON_SERVER', 'BATON_OTHER_SERVER', 'BATON_TOKEN');
const authorization = `Bearer ${token}`;

const TASKS = gql`
  query Tasks {
    tasks(first: 20) {
      totalCount
      nodes {
        id
        number
        title
        completed
      }
    }
  }
`;
const CREATE_TASK = gql`
  mutation CreateTask($input: CreateTaskInput!) {
    createTask(input: $input) {
      ... on CreateTaskSuccess {
        task {
          id
          number
          title
          completed
        }
      }
      ... on UserError {
        code
        message
      }
    }
  }
`;
const START = gql`
  mutation Start($input: StartExecutionInput!) {
    startExecution(input: $input) {
      ... on StartExecutionSuccess {
        cursor
        execution {
          id
          status
        }
      }
      ... on UserError {
        code
        message
      }
    }
  }
`;
const EXECUTION = gql`
  query Execution($id: ID!) {
    execution(id: $id) {
      id
      status
      result
    }
  }
`;
const STREAM = gql`
  subscription Watch($id: ID!, $after: String) {
    executionStream(id: $id, after: $after) {
      ... on Resumable {
        cursor
      }
      ... on StreamOpened {
        snapshot {
          id
          ... on Execution {
            status
          }
        }
      }
      ... on EventBatch {
        continuesFrom
        events {
          seq
          at
          ... on ExecutionStatusChanged {
            status
            endReason
          }
          ... on StepStarted {
            step {
              id
              number
              status
            }
          }
          ... on StepFinished {
            step {
              id
              number
              status
            }
          }
          ... on ProgressReported {
            progress {
              percent
              message
            }
          }
        }
      }
      ... on StreamClosed {
        reason
      }
    }
  }
`;

await report(async () => {
  const complaints = [];
  console.warn = console.error = (...parts) => complaints.push(parts.join(' '));
  const { client, sent } = application(await possibleTypes());
  const tasks = await listAndCreate(client, sent);
  const run = await startAndWatch(client);
  assert.deepEqual(complaints, [], 'what Apollo complains about');
  return { tasks, ...run };
});

function application(possibleTypes) {
  const sent = [];
  const counting = new ApolloLink((operation, forward) => {
    sent.push(operation.operationName);
    return forward(operation);
  });
  const http = new HttpLink({ uri: `${overHttp}/graphql`, headers: { authorization } });
  const socket = new GraphQLWsLink(
    createClient({
      url: `${overSocket.replace(/^http/, 'ws')}/graphql`,
      connectionParams: { authorization },
      retryAttempts: 0,
    }),
  );
  const link = ApolloLink.from([
    counting,
    ApolloLink.split(({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION, socket, http),
  ]);
  return { client: new ApolloClient({ link, cache: new InMemoryCache({ possibleTypes }) }), sent };
}

// The recipe of Apollo's documentation: fragments on unions and interfaces match by what the server says they are.
async function possibleTypes() {
  const response = await fetch(`${overHttp}/graphql`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ __schema { types { name possibleTypes { name } } } }' }),
  });
  const { types } = (await response.json()).data.__schema;
  const abstract = types.filter((type) => type.possibleTypes);
  return Object.fromEntries(abstract.map((type) => [type.name, type.possibleTypes.map(({ name }) => name)]));
}

async function listAndCreate(client, sent) {
  const { data: before } = await client.query({ query: TASKS });
  const lists = [];
  const watching = client.watchQuery({ query: TASKS }).subscribe(({ data }) => lists.push(data));
  const { data } = await client.mutate({
    mutation: CREATE_TASK,
    variables: { input: { title: 'Water the plants' } },
    update: (cache, { data: { createTask } }) => cache.updateQuery({ query: TASKS }, (list) => withTask(list, createTask)),
  });
  watching.unsubscribe();

  assert.equal(data.createTask.__typename, 'CreateTaskSuccess');
  const { tasks } = lists.at(-1);
  assert.equal(tasks.totalCount, before.tasks.totalCount + 1);
  assert.deepEqual(tasks.nodes[0], data.createTask.task);
  assert.equal(sent.filter((name) => name === 'Tasks').length, 1, 'the list was fetched once');
  const { data: fresh } = await client.query({ query: TASKS, fetchPolicy: 'network-only' });
  assert.deepEqual(fresh, lists.at(-1), 'the server sees what the cache showed');
  return tasks.totalCount;
}

function withTask({ tasks }, { task }) {
  return { tasks: { ...tasks, totalCount: tasks.totalCount + 1, nodes: [task, ...tasks.nodes].slice(0, 20) } };
}

async function startAndWatch(client) {
  const input = 'Add a high priority task to call the dentist by Friday, then show my tasks';
  const { data } = await client.mutate({ mutation: START, variables: { input: { input } } });
  assert.equal(data.startExecution.__typename, 'StartExecutionSuccess');
  const { cursor, execution } = data.startExecution;
  const frames = await framesOf(client, { id: execution.id, after: cursor });
  const events = continuous(frames);
  assert.deepEqual(seqs(frames), Array.from(events, (_, index) => index + 1), 'from 1, without holes');
  assert.equal(events.findLast(({ status }) => status).status, 'COMPLETED');

  const { data: end } = await client.query({ query: EXECUTION, variables: { id: execution.id }, fetchPolicy: 'network-only' });
  assert.equal(end.execution.status, 'COMPLETED');
  for (const { cursor: after } of frames) await resumes(client, execution.id, after, frames);
  return { run: execution.id, frames: frames.map(({ __typename }) => __typename), events: events.length };
}

// Any cursor of a stream continues it right after the frame that carried it.
async function resumes(client, id, after, frames) {
  const rest = await framesOf(client, { id, after });
  const seenBefore = seqs(frames.slice(0, frames.findLastIndex(({ cursor }) => cursor === after) + 1));
  continuous(rest);
  assert.deepEqual([...seenBefore, ...seqs(rest)], seqs(frames));
}

function framesOf(client, variables) {
  const frames = [];
  return new Promise((resolve, reject) => {
    client.subscribe({ query: STREAM, variables }).subscribe({
      next: ({ data, error }) => (error ? reject(error) : frames.push(data.executionStream)),
      error: reject,
      complete: () => resolve(frames),
    });
  });
}

// Opened once and first, each batch where the frame before it ended, closed once and last.
function continuous(frames) {
  const [opened, ...rest] = frames;
  const closed = rest.pop();
  assert.equal(opened.__typename, 'StreamOpened');
  assert.equal(opened.snapshot.__typename, 'Execution');
  rest.forEach(({ __typename, continuesFrom, cursor }, index) => {
    assert.ok(['EventBatch', 'Heartbeat'].includes(__typename), `${__typename} inside the stream`);
    assert.equal(continuesFrom ?? cursor, frames[index].cursor);
  });
  assert.equal(closed.__typename, 'StreamClosed');
  assert.equal(closed.reason, 'TERMINAL');
  return rest.flatMap(({ events }) => events ?? []);
}

function seqs(frames) {
  return frames.flatMap(({ events }) => events ?? []).map(({ seq }) => seq);
}
