// Agents: who they are, what they may use, and what they must ask for.
import { useMutation, useQuery } from '@apollo/client/react';
import { useState, type FormEvent } from 'react';
import { AGENTS, ARCHIVE_AGENT, CREATE_AGENT, TOOLS, UPDATE_AGENT } from '../documents';
import { Empty, More, Page, Said, Trouble } from '../parts/basics';
import { problemOf, type Agent } from '../types';

export function AgentsPage() {
  const [edited, setEdited] = useState<Agent | 'new'>();
  const { data, error, refetch, fetchMore } = useQuery(AGENTS, { fetchPolicy: 'cache-and-network' });
  const page = data?.agents;
  const add = (
    <button type="button" className="main" onClick={() => setEdited('new')}>
      New agent
    </button>
  );
  const close = () => {
    setEdited(undefined);
    void refetch();
  };
  return (
    <Page title="Agents" actions={add}>
      <Trouble error={error} retry={() => void refetch()} />
      {edited && (
        <Form key={edited === 'new' ? 'new' : edited.id} agent={edited === 'new' ? undefined : edited} others={page?.nodes ?? []} close={close} />
      )}
      {page?.nodes.length === 0 && !edited && (
        <Empty title="No agents yet">Until you make one, the built-in assistant answers: it understands tasks, offline.</Empty>
      )}
      <ul className="lines" aria-label="Agents">
        {page?.nodes.map((agent) => (
          <li key={agent.id}>
            <button type="button" className="line" onClick={() => setEdited(agent)}>
              <span className="title">
                {agent.name}
                <small>{agent.instructions}</small>
              </span>
              <code>{agent.model}</code>
              <small>version {agent.version}</small>
            </button>
          </li>
        ))}
      </ul>
      <More page={page?.pageInfo} load={() => void fetchMore({ variables: { after: page?.pageInfo.endCursor } })} />
    </Page>
  );
}

interface Editing {
  agent: Agent | undefined;
  others: Agent[];
  close: () => void;
}

function Form({ agent, others, close }: Editing) {
  const [create, creating] = useMutation(CREATE_AGENT);
  const [update, updating] = useMutation(UPDATE_AGENT);
  const [archive] = useMutation(ARCHIVE_AGENT);
  const tools = useQuery(TOOLS).data?.tools ?? [];
  const save = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const fields = input(new FormData(event.currentTarget));
    const answer = agent
      ? (await update({ variables: { input: { id: agent.id, expectedVersion: agent.version, ...fields } } }).catch(() => undefined))?.data?.updateAgent
      : (await create({ variables: { input: fields } }).catch(() => undefined))?.data?.createAgent;
    if (answer?.agent) close();
  };
  const drop = async () => {
    if (agent) await archive({ variables: { id: agent.id } }).catch(() => undefined);
    close();
  };
  const used = new Set(agent?.tools.map(({ name }) => name));
  const problem =
    creating.error?.message ?? updating.error?.message ?? problemOf(creating.data?.createAgent ?? updating.data?.updateAgent);
  return (
    <form className="sheet" aria-label="Agent" onSubmit={(event) => void save(event)}>
      <label>
        Name
        <input name="name" required maxLength={100} defaultValue={agent?.name} autoFocus />
      </label>
      <label>
        Instructions
        <textarea name="instructions" rows={4} defaultValue={agent?.instructions} />
      </label>
      <label>
        Model
        <input name="model" required defaultValue={agent?.model ?? 'rules'} />
      </label>
      <label>
        Steps at most
        <input name="maxSteps" type="number" min={1} max={1_000} required defaultValue={agent?.maxSteps ?? 10} />
      </label>
      <label>
        Temperature
        <input name="temperature" type="number" min={0} max={2} step={0.1} placeholder="the model's own" defaultValue={agent?.temperature ?? ''} />
      </label>
      <label>
        Messages that are too many for the model
        <select name="longHistory" defaultValue={agent?.longHistory ?? 'TRIM'}>
          <option value="TRIM">leave the oldest out</option>
          <option value="SUMMARIZE">summarise the oldest</option>
        </select>
      </label>
      <fieldset>
        <legend>Tools, and which of them ask first</legend>
        {tools.map(({ name, description }) => (
          <div key={name} className="tool" title={description}>
            <label>
              <input type="checkbox" name="toolNames" value={name} defaultChecked={!agent || used.has(name)} /> {name}
            </label>
            <label>
              <input type="checkbox" name="approvalRequired" value={name} defaultChecked={agent?.approvalRequired.includes(name)} /> asks first
            </label>
          </div>
        ))}
      </fieldset>
      {others.some(({ id }) => id !== agent?.id) && (
        <fieldset>
          <legend>Agents that it may call</legend>
          {others
            .filter(({ id }) => id !== agent?.id)
            .map(({ id, name }) => (
              <label key={id}>
                <input type="checkbox" name="subagentIds" value={id} defaultChecked={agent?.subagents.some((one) => one.id === id)} /> {name}
              </label>
            ))}
        </fieldset>
      )}
      <Said isBad>{problem}</Said>
      <div className="actions">
        <button type="submit" className="main">
          {agent ? 'Save as a new version' : 'Create'}
        </button>
        <button type="button" onClick={close}>
          Cancel
        </button>
        {agent && (
          <button type="button" className="danger" onClick={() => void drop()}>
            Archive
          </button>
        )}
      </div>
    </form>
  );
}

function input(form: FormData): Record<string, unknown> {
  return {
    name: form.get('name'),
    instructions: form.get('instructions'),
    model: form.get('model'),
    maxSteps: Number(form.get('maxSteps')),
    temperature: form.get('temperature') === '' ? null : Number(form.get('temperature')),
    longHistory: form.get('longHistory'),
    toolNames: form.getAll('toolNames'),
    approvalRequired: form.getAll('approvalRequired'),
    subagentIds: form.getAll('subagentIds'),
  };
}
