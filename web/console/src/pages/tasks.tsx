// Tasks, and the box that takes a sentence.
import { useMutation, useQuery } from '@apollo/client/react';
import { useState, type FormEvent } from 'react';
import { ASK, DELETE_TASK, TASKS, UPDATE_TASK } from '../documents';
import { Empty, More, Page, Said, Trouble } from '../parts/basics';
import { problemOf, type Task } from '../types';

const SHOWN = { Open: { completed: false }, Done: { completed: true }, All: {} };

export function TasksPage() {
  const [shown, setShown] = useState<keyof typeof SHOWN>('Open');
  const [search, setSearch] = useState('');
  const filter = { ...SHOWN[shown], ...(search && { search }) };
  const { data, previousData, error, refetch, fetchMore } = useQuery(TASKS, {
    variables: { filter },
    fetchPolicy: 'cache-and-network',
  });
  const page = (data ?? previousData)?.tasks;
  const filters = (
    <>
      <input type="search" placeholder="Search" value={search} onChange={({ target }) => setSearch(target.value)} />
      <div role="group" aria-label="Shown" className="choice">
        {(Object.keys(SHOWN) as (keyof typeof SHOWN)[]).map((name) => (
          <button key={name} type="button" aria-pressed={shown === name} onClick={() => setShown(name)}>
            {name}
          </button>
        ))}
      </div>
    </>
  );
  return (
    <Page title="Tasks" actions={filters}>
      <Sentence done={() => void refetch()} />
      <Trouble error={error} retry={() => void refetch()} />
      {page?.nodes.length === 0 && (
        <Empty title={search ? 'No task matches' : 'No tasks'}>Say what there is to do, in a sentence.</Empty>
      )}
      <ul className="tasks" aria-label="Tasks">
        {page?.nodes.map((task) => (
          <TaskLine key={task.id} task={task} changed={() => void refetch()} />
        ))}
      </ul>
      <More page={page?.pageInfo} load={() => void fetchMore({ variables: { after: page?.pageInfo.endCursor } })} />
    </Page>
  );
}

function Sentence({ done }: { done: () => void }) {
  const [message, setMessage] = useState('');
  const [token, setToken] = useState<string>();
  const [ask, { data, loading, error }] = useMutation(ASK);
  const answer = data?.askTaskAgent;
  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (!message.trim()) return;
    const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const input = { message, timeZone, confirmToken: token, idempotencyKey: crypto.randomUUID() };
    const said = (await ask({ variables: { input } }).catch(() => undefined))?.data?.askTaskAgent;
    setToken(said?.confirmToken ?? undefined);
    if (said?.outcome === 'DONE') setMessage('');
    done();
  };
  const change = (text: string) => {
    setMessage(text);
    setToken(undefined); // it was for another sentence
  };
  const isBad = Boolean(error) || (answer !== undefined && answer.outcome !== 'DONE' && !token);
  return (
    <form className="sentence" onSubmit={(event) => void send(event)}>
      <input
        data-first
        aria-label="What is to be done"
        placeholder="Add a high priority task to call the dentist by Friday"
        value={message}
        maxLength={1_000}
        onChange={({ target }) => change(target.value)}
      />
      <button type="submit" className={token ? 'main danger' : 'main'} disabled={loading}>
        {token ? 'Go ahead' : 'Do it'}
      </button>
      <Said isBad={isBad}>{error?.message ?? answer?.response ?? problemOf(answer)}</Said>
    </form>
  );
}

function TaskLine({ task, changed }: { task: Task; changed: () => void }) {
  const [update, updating] = useMutation(UPDATE_TASK);
  const [remove, removing] = useMutation(DELETE_TASK);
  const turn = async () => {
    const input = { id: task.id, completed: !task.completed, expectedVersion: task.version };
    await update({ variables: { input } }).catch(() => undefined);
    changed();
  };
  const drop = async () => {
    await remove({ variables: { input: { id: task.id } } }).catch(() => undefined);
    changed();
  };
  const problem =
    updating.error?.message ?? removing.error?.message ?? problemOf(updating.data?.updateTask ?? removing.data?.deleteTask);
  return (
    <li className={task.completed ? 'done' : undefined}>
      <input type="checkbox" aria-label={`Done: ${task.title}`} checked={task.completed} onChange={() => void turn()} />
      <span className="number">{task.number}</span>
      <span className="title">
        {task.title}
        {task.description && <small>{task.description}</small>}
        {problem && <small className="bad">{problem}</small>}
      </span>
      {task.priority !== 'MEDIUM' && <span className={`priority ${task.priority.toLowerCase()}`}>{task.priority.toLowerCase()}</span>}
      {task.dueAt && <Due at={task.dueAt} isDone={task.completed} />}
      <button type="button" className="quiet" aria-label={`Delete: ${task.title}`} onClick={() => void drop()}>
        ×
      </button>
    </li>
  );
}

function Due({ at, isDone }: { at: string; isDone: boolean }) {
  const date = new Date(at);
  const told = date.toLocaleDateString(undefined, { weekday: 'short', day: 'numeric', month: 'short' });
  return (
    <time dateTime={at} title={date.toLocaleString()} className={!isDone && date.getTime() < Date.now() ? 'late' : undefined}>
      {told}
    </time>
  );
}
