// Conversations, and the one that is open: whole messages from the rows, the one being written from the stream.
import { useMutation, useQuery, useSubscription } from '@apollo/client/react';
import { useEffect, useRef, useState, type FormEvent, type KeyboardEvent } from 'react';
import { Link, useLocation } from 'wouter';
import {
  AGENTS,
  CONVERSATION,
  CONVERSATION_STREAM,
  CONVERSATIONS,
  CREATE_CONVERSATION,
  DELETE_CONVERSATION,
  SEND_MESSAGE,
} from '../documents';
import { Ago, Empty, Page, Said, Trouble } from '../parts/basics';
import { problemOf, type Conversation, type Message } from '../types';
import { heard, type Writing } from './writing';

export function ChatPage({ id }: { id: string | undefined }) {
  return (
    <Page title="Chat">
      <div className="chat">
        <Conversations open={id} />
        {id ? <Talk key={id} id={id} /> : <Begin />}
      </div>
    </Page>
  );
}

function Conversations({ open }: { open: string | undefined }) {
  const { data, error, refetch } = useQuery(CONVERSATIONS, { fetchPolicy: 'cache-and-network' });
  return (
    <aside aria-label="Conversations">
      <Link to="/chat" className="line new">
        New conversation
      </Link>
      <Trouble error={error} retry={() => void refetch()} />
      {data?.conversations.nodes.map((one) => (
        <Link key={one.id} to={`/chat/${one.id}`} className="line" aria-current={one.id === open ? 'page' : undefined}>
          <span className="title">{one.title ?? 'Untitled'}</span>
          <Ago at={one.updatedAt} />
        </Link>
      ))}
    </aside>
  );
}

function Begin() {
  const [, go] = useLocation();
  const [agentId, setAgent] = useState('');
  const agents = useQuery(AGENTS).data?.agents.nodes ?? [];
  const [create, creating] = useMutation(CREATE_CONVERSATION, { refetchQueries: ['Conversations'] });
  const [send] = useMutation(SEND_MESSAGE);
  const begin = async (content: string) => {
    const input = { title: content.slice(0, 60), agentId: agentId || undefined, idempotencyKey: crypto.randomUUID() };
    const made = (await create({ variables: { input } }).catch(() => undefined))?.data?.createConversation.conversation;
    if (!made) return false;
    await send({ variables: { input: { conversationId: made.id, content, idempotencyKey: crypto.randomUUID() } } }).catch(
      () => undefined,
    );
    go(`/chat/${made.id}`);
    return true;
  };
  return (
    <section className="talk">
      <Empty title="What is on your mind?">Ask for something to be done, or just ask.</Empty>
      {agents.length > 0 && (
        <select aria-label="Agent" value={agentId} onChange={({ target }) => setAgent(target.value)}>
          <option value="">Assistant</option>
          {agents.map((agent) => (
            <option key={agent.id} value={agent.id}>
              {agent.name}
            </option>
          ))}
        </select>
      )}
      <Box send={begin} problem={creating.error?.message ?? problemOf(creating.data?.createConversation)} />
    </section>
  );
}

function Talk({ id }: { id: string }) {
  const { data, error, refetch } = useQuery(CONVERSATION, { variables: { id }, fetchPolicy: 'cache-and-network' });
  const [after, setAfter] = useState<string>();
  const conversation = data?.conversation;
  useEffect(() => {
    if (conversation && !after) setAfter(conversation.cursor); // the stream goes on from where the rows were read
  }, [conversation, after]);
  if (data && !conversation) return <Empty title="No such conversation">It was deleted, or never was.</Empty>;
  return (
    <section className="talk">
      <Trouble error={error} retry={() => void refetch()} />
      {conversation && after && <Live conversation={conversation} after={after} />}
    </section>
  );
}

function Live({ conversation, after }: { conversation: Conversation; after: string }) {
  const [, go] = useLocation();
  const [news, setNews] = useState<Message[]>([]);
  const [writing, setWriting] = useState<Writing>({});
  const [send, sending] = useMutation(SEND_MESSAGE);
  const [remove] = useMutation(DELETE_CONVERSATION, { refetchQueries: ['Conversations'] });
  const { error } = useSubscription(CONVERSATION_STREAM, {
    variables: { id: conversation.id, after },
    fetchPolicy: 'no-cache',
    onData: ({ data }) => {
      const events = data.data?.conversationStream.events ?? [];
      setWriting((before) => events.reduce(heard, before));
      const whole = events.flatMap((event) => (event.__typename === 'MessageCompleted' ? [event.message] : []));
      if (whole.length > 0) setNews((before) => [...before, ...whole]);
    },
  });
  const say = async (content: string) => {
    const input = { conversationId: conversation.id, content, idempotencyKey: crypto.randomUUID() };
    const answer = (await send({ variables: { input } }).catch(() => undefined))?.data?.sendMessage;
    return answer?.userMessage !== undefined;
  };
  const drop = async () => {
    await remove({ variables: { id: conversation.id } }).catch(() => undefined);
    go('/chat');
  };
  const messages = [...new Map([...conversation.messages.nodes, ...news].map((one) => [one.id, one])).values()];
  const unfinished = Object.entries(writing).filter(([id]) => !messages.some((one) => one.id === id));
  return (
    <>
      <div className="talk-head">
        <h2>{conversation.title ?? 'Untitled'}</h2>
        <button type="button" className="quiet" onClick={() => void drop()}>
          Delete
        </button>
      </div>
      <Trouble error={error} />
      <Messages messages={messages} unfinished={unfinished} />
      <Box send={say} problem={sending.error?.message ?? problemOf(sending.data?.sendMessage)} />
    </>
  );
}

function Messages({ messages, unfinished }: { messages: Message[]; unfinished: [string, string][] }) {
  const end = useRef<HTMLDivElement>(null);
  const length = messages.length + unfinished.reduce((sum, [, text]) => sum + text.length, 0);
  useEffect(() => {
    void end.current?.scrollIntoView({ block: 'end' });
  }, [length]);
  return (
    <div className="messages" role="log" aria-label="Messages">
      {messages.map((message) => (
        <article key={message.id} className={message.role.toLowerCase()}>
          {message.content}
          {message.role === 'ASSISTANT' && message.execution && (
            <Link to={`/runs/${message.execution.id}`} className="how">
              how
            </Link>
          )}
        </article>
      ))}
      {unfinished.map(([id, text]) => (
        <article key={id} className="assistant writing">
          {text}
        </article>
      ))}
      <div ref={end} />
    </div>
  );
}

function Box({ send, problem }: { send: (content: string) => Promise<boolean>; problem: string | undefined }) {
  const [content, setContent] = useState('');
  const [isBusy, setBusy] = useState(false);
  const say = async (event?: FormEvent) => {
    event?.preventDefault();
    if (!content.trim() || isBusy) return;
    setBusy(true);
    if (await send(content)) setContent('');
    setBusy(false);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void say();
  };
  return (
    <form className="sentence" onSubmit={(event) => void say(event)}>
      <textarea
        data-first
        aria-label="Message"
        rows={2}
        placeholder="Write a message; Enter sends it"
        value={content}
        onKeyDown={onKey}
        onChange={({ target }) => setContent(target.value)}
      />
      <button type="submit" className="main" disabled={isBusy}>
        Send
      </button>
      <Said isBad>{problem}</Said>
    </form>
  );
}
