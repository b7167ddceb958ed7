// A chat on Apollo Client over connections that are cut: what each of three readers has of one long answer.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { resumable } from '../../web/link/dist/index.js';
import { openProxy } from './proxy.mjs';
import { report, settings } from './report.mjs';

globalThis.WebSocket ??= WebSocket;
const [first, second, token, talk, drops] = settings('BATON_SERVER', 'BATON_OTHER_SERVER', 'BATON_TOKEN', 'TALK', 'DROPS');
const authorization = `Bearer ${token}`;
const BYTES = 3_000; // of what the server says, before a connection is cut

const SEND = gql`
  mutation Send($input: SendMessageInput!) {
    sendMessage(input: $input) {
      ... on SendMessageSuccess {
        execution {
          id
        }
        cursor
      }
      ... on UserError {
        code
      }
    }
  }
`;
const CHAT = gql`
  subscription Chat($id: ID!, $after: String) {
    conversationStream(id: $id, after: $after) {
      ... on Resumable {
        cursor
      }
      ... on StreamOpened {
        snapshot {
          id
          ... on Conversation {
            messages(first: 50) {
              nodes {
                id
                role
                content
              }
            }
          }
        }
      }
      ... on EventBatch {
        events {
          seq
          ... on MessageDelta {
            messageId
            offset
            text
          }
          ... on MessageCompleted {
            message {
              id
              role
              content
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
  const drop = { done: 0, onTheWay: 0, written: [] };
  const patience = () => (drop.done + drop.onTheWay++ < Number(drops) ? BYTES : Infinity);
  const reader = newReader();
  const cutting = await openProxy([first, second], patience, () => {
    drop.onTheWay -= 1;
    drop.done += 1;
    drop.written.push(reader.written());
  });
  const client = application(cutting);
  const watching = watch(client, reader);
  await until(() => reader.opened === 1);
  const { data } = await client.mutate({ mutation: SEND, variables: { input: { conversationId: talk, content: 'Go' } } });
  await until(() => drop.done >= 2, () => [drop, reader.written()]);
  const late = newReader();
  watch(application(second.replace(/^http/, 'ws')), late); // comes in the middle
  await until(() => reader.isWhole() && late.isWhole(), () => [drop, reader.written(), late.written()]);
  watching.unsubscribe();
  const after = newReader();
  watch(application(first.replace(/^http/, 'ws')), after); // comes when all is over
  await until(() => after.isWhole());
  return { run: data.sendMessage.execution.id, drops: drop.done, written: drop.written, reader: reader.seen(), late: late.seen(), after: after.seen() };
});

function application(socketAddress) {
  const http = new HttpLink({ uri: `${first}/graphql`, headers: { authorization } });
  const connection = createClient({ url: `${socketAddress}/graphql`, connectionParams: { authorization }, retryAttempts: 0 });
  const socket = new GraphQLWsLink(resumable(connection, { delay: () => Math.random() * 30 }));
  const isStream = ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION;
  return new ApolloClient({ link: ApolloLink.split(isStream, socket, http), cache: new InMemoryCache() });
}

function watch(client, reader) {
  return client
    .subscribe({ query: CHAT, variables: { id: talk } })
    .subscribe({ next: ({ data }) => reader.take(data.conversationStream), error: (error) => reader.fail(error) });
}

/** What a page keeps: its messages, and the characters of those that are being written. */
function newReader() {
  const messages = new Map();
  const writing = new Map();
  const seqs = [];
  let begunAnew = 0;
  let problem;
  const on = {
    MessageDelta({ messageId, offset, text }) {
      if (offset === 0 && writing.get(messageId)?.length) begunAnew += 1;
      const before = offset === 0 ? [] : writing.get(messageId);
      assert.equal(before?.length, offset, 'a piece fits where the last one ended');
      assert.ok(!messages.has(messageId), 'nothing of a message comes once it is whole');
      writing.set(messageId, [...before, ...text]);
    },
    MessageCompleted({ message }) {
      assert.ok(!messages.has(message.id), 'a message is whole once');
      messages.set(message.id, { ...message, streamed: writing.get(message.id)?.join('') ?? null });
      writing.delete(message.id);
    },
  };
  return {
    opened: 0,
    take(frame) {
      if (frame.__typename === 'StreamOpened') {
        this.opened += 1;
        for (const message of frame.snapshot.messages.nodes) messages.set(message.id, { ...message, streamed: null });
      }
      assert.notEqual(frame.__typename, 'StreamReset');
      for (const event of frame.events ?? []) {
        seqs.push(event.seq);
        on[event.__typename]?.(event);
      }
    },
    fail: (error) => (problem = error),
    written: () => [...writing.values()].reduce((sum, characters) => sum + characters.length, 0),
    isWhole() {
      if (problem) throw problem;
      return [...messages.values()].some(({ role }) => role === 'ASSISTANT');
    },
    seen() {
      assert.deepEqual(seqs, Array.from(seqs, (_, at) => seqs[0] + at), 'every event once, in order');
      const told = ({ role, content, streamed }) => ({ role, content: digest(content), streamed: streamed && digest(streamed) });
      return { opened: this.opened, begunAnew, messages: [...messages.values()].map(told) };
    },
  };
}

function digest(text) {
  return createHash('sha256').update(text).digest('hex');
}

async function until(condition, state = () => '') {
  const end = Date.now() + 150_000;
  while (!condition()) {
    assert.ok(Date.now() < end, `it never came true: ${JSON.stringify(state())}`);
    await new Promise((passed) => setTimeout(passed, 5));
  }
}
