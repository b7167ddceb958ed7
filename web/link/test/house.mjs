// A graphql-transport-ws server that does what a test tells it, and a client with the link on it.
import { once } from 'node:events';
import { createClient } from 'graphql-ws';
import WebSocket, { WebSocketServer } from 'ws';
import { resumable } from '../dist/index.js';

export const WATCH = `subscription Watch($id: ID!, $after: String) {
  run(id: $id, after: $after) { __typename ... on EventBatch { events { seq } } ... on StreamClosed { reason } }
}`;

/** `acts`: one for each subscribe, in their order; the last one serves all that follow. */
export async function house(t, ...acts) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  const asked = []; // payloads of subscribe
  const greetings = []; // payloads of connection_init
  server.on('connection', (socket) => {
    socket.on('message', (text) => {
      const { type, id, payload } = JSON.parse(text);
      if (type === 'connection_init') {
        greetings.push(payload);
        socket.send('{"type":"connection_ack"}');
      }
      if (type !== 'subscribe') return;
      asked.push(payload);
      acts[Math.min(asked.length, acts.length) - 1](new Answer(socket, id), payload.variables ?? {});
    });
  });
  await once(server, 'listening');
  t.after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return { url: `ws://127.0.0.1:${server.address().port}`, asked, greetings };
}

class Answer {
  constructor(socket, id) {
    Object.assign(this, { socket, id, field: 'run' });
  }
  #send(message) {
    this.socket.send(JSON.stringify({ id: this.id, ...message }));
    return this;
  }
  frame(cursor, frame) {
    return this.#send({ type: 'next', payload: { data: { [this.field]: frame }, extensions: { cursor: String(cursor) } } });
  }
  opened(cursor) {
    return this.frame(cursor, { __typename: 'StreamOpened' });
  }
  batch(...seqs) {
    return this.frame(seqs.at(-1), { __typename: 'EventBatch', events: seqs.map((seq) => ({ seq })) });
  }
  closed(cursor, reason) {
    return this.frame(cursor, { __typename: 'StreamClosed', reason }).complete();
  }
  complete() {
    return this.#send({ type: 'complete' });
  }
  error(...errors) {
    return this.#send({ type: 'error', payload: errors.map((extensions) => ({ message: 'no', extensions })) });
  }
  close(code) {
    this.socket.close(code);
  }
  cut() {
    this.socket._socket.destroy();
  }
}

export function connect(url, options = {}, clientOptions = {}) {
  const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0, ...clientOptions });
  return resumable(client, { delay: () => 0, ...options });
}

/** All that a sink hears. */
export function follow(client, payload = { query: WATCH, variables: { id: 'r' } }, onNext = () => {}) {
  const heard = [];
  return new Promise((resolve) => {
    client.subscribe(payload, {
      next: (message) => {
        heard.push(message);
        return onNext(message);
      },
      error: (error) => resolve({ heard, error }),
      complete: () => resolve({ heard }),
    });
  });
}

export function names({ heard }) {
  return heard.map(({ data }) => data.run.__typename);
}

export function seqs({ heard }) {
  return heard.flatMap(({ data }) => data.run.events ?? []).map(({ seq }) => seq);
}
