// Runs, newest first, and the box that starts one.
import { useMutation, useQuery } from '@apollo/client/react';
import { useState, type FormEvent } from 'react';
import { Link, useLocation } from 'wouter';
import { AGENTS, RUNS, START_RUN } from '../documents';
import { Ago, Empty, More, Page, Progress, Said, Status, Trouble } from '../parts/basics';
import { problemOf, type RunLine } from '../types';

export function RunsPage() {
  const { data, error, refetch, fetchMore } = useQuery(RUNS, { fetchPolicy: 'cache-and-network' });
  const page = data?.executions;
  return (
    <Page title="Runs">
      <Start />
      <Trouble error={error} retry={() => void refetch()} />
      {page?.nodes.length === 0 && <Empty title="No runs yet">Start one above, or from any client of the API.</Empty>}
      <ul className="lines" aria-label="Runs">
        {page?.nodes.map((run) => (
          <li key={run.id}>
            <RunLink run={run} />
          </li>
        ))}
      </ul>
      <More page={page?.pageInfo} load={() => void fetchMore({ variables: { after: page?.pageInfo.endCursor } })} />
    </Page>
  );
}

export function RunLink({ run }: { run: RunLine }) {
  return (
    <Link to={`/runs/${run.id}`} className="line">
      <Status status={run.status} />
      <span className="title">{run.input}</span>
      {run.status === 'RUNNING' && <Progress percent={run.progress?.percent} />}
      {run.agent && <small>{run.agent.name}</small>}
      <Ago at={run.createdAt} />
    </Link>
  );
}

function Start() {
  const [, go] = useLocation();
  const [start, { data, loading, error }] = useMutation(START_RUN);
  const agents = useQuery(AGENTS).data?.agents.nodes ?? [];
  const [agentId, setAgent] = useState('');
  const begin = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget).get('input') ?? '');
    const input = { input: text, agentId: agentId || undefined, idempotencyKey: crypto.randomUUID() };
    const started = (await start({ variables: { input } }).catch(() => undefined))?.data?.startExecution;
    if (started?.execution) go(`/runs/${started.execution.id}`);
  };
  return (
    <form className="sentence" onSubmit={(event) => void begin(event)}>
      <input data-first name="input" aria-label="What the agent should do" placeholder="What should the agent do?" required />
      {agents.length > 0 && (
        <select aria-label="Agent" value={agentId} onChange={({ target }) => setAgent(target.value)}>
          <option value="">Assistant</option>
          {agents.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      )}
      <button type="submit" className="main" disabled={loading}>
        Start
      </button>
      <Said isBad>{error?.message ?? problemOf(data?.startExecution)}</Said>
    </form>
  );
}
