// One run: its steps as they happen, its progress, its family, and what it asks.
import { useMutation, useQuery } from '@apollo/client/react';
import type { Execution, Step } from '@baton/resume-link';
import { useExecution } from '@baton/resume-link/react';
import { useLocation } from 'wouter';
import { CANCEL_RUN, FAMILY, RETRY_RUN } from '../documents';
import { Empty, Page, Progress, Said, Status, Trouble } from '../parts/basics';
import { Question } from '../parts/question';
import { problemOf, type Family } from '../types';
import { RunLink } from './runs';

export function RunPage({ id }: { id: string }) {
  const { execution, error } = useExecution(id);
  const { data } = useQuery(FAMILY, { variables: { id }, fetchPolicy: 'cache-and-network' });
  const family = data?.execution ?? undefined;
  if (error && !execution) return <Empty title="No such run">{error.message}</Empty>;
  return (
    <Page title="Run" actions={execution && <Actions run={execution} />}>
      <Trouble error={error} />
      {execution && <Head run={execution} />}
      {family?.interrupts.map((one) => <Question key={one.id} interrupt={one} />)}
      <ol className="steps" aria-label="Steps">
        {execution?.steps.map((step) => <StepLine key={step.number} step={step} />)}
      </ol>
      {execution?.isOver && <End run={execution} />}
      {family && <Relatives family={family} />}
    </Page>
  );
}

function Head({ run }: { run: Execution }) {
  return (
    <section className="run-head">
      <p className="input">{run.input}</p>
      <p className="standing">
        <Status status={run.status} />
        <Progress percent={run.progress?.percent} />
        <span>{run.progress?.message}</span>
        {run.attempt > 1 && <small>attempt {run.attempt}</small>}
      </p>
    </section>
  );
}

const MARKS = { RUNNING: '…', COMPLETED: '✓', FAILED: '✗', UNKNOWN: '?' };

function StepLine({ step }: { step: Step }) {
  const isCall = step.kind === 'TOOL_CALL';
  if (step.kind === 'FINAL_ANSWER' && step.status === 'COMPLETED') return null; // it is the result, below
  return (
    <li className={step.status.toLowerCase()}>
      <span className="mark" aria-label={step.status.toLowerCase()}>
        {MARKS[step.status]}
      </span>
      <div>
        <p>{isCall ? <code>{step.toolName}</code> : step.text || 'Thinking'}</p>
        {step.error && <p className="bad">{step.error}</p>}
        {isCall && (
          <details>
            <summary>{summary(step.input)}</summary>
            <Json value={step.input} />
            {step.result !== null && <Json value={step.result} />}
          </details>
        )}
      </div>
    </li>
  );
}

function summary(input: unknown): string {
  const told = Object.entries((input ?? {}) as object).map(([name, value]) => `${name}: ${String(value)}`);
  return told.join(', ') || 'no arguments';
}

function Json({ value }: { value: unknown }) {
  return <pre>{JSON.stringify(value, null, 2)}</pre>;
}

function End({ run }: { run: Execution }) {
  const result = typeof run.result === 'string' ? run.result : JSON.stringify(run.result, null, 2);
  if (run.status === 'COMPLETED') return <section className="result">{result}</section>;
  const why = run.endReason?.toLowerCase().replaceAll('_', ' ');
  return <section className="result bad">{run.error ?? `The run ended: ${why}.`}</section>;
}

function Relatives({ family }: { family: Family }) {
  const { parent, children, usage } = family;
  return (
    <>
      {parent && (
        <section>
          <h2>Part of</h2>
          <RunLink run={parent} />
        </section>
      )}
      {children.length > 0 && (
        <section>
          <h2>Its runs</h2>
          <ul className="tree" aria-label="Children">
            {children.map((child) => (
              <li key={child.id}>
                <RunLink run={child} />
                {child.children.map((grandchild) => (
                  <div key={grandchild.id} className="deeper">
                    <RunLink run={grandchild} />
                  </div>
                ))}
              </li>
            ))}
          </ul>
        </section>
      )}
      {usage.requests > 0 && (
        <p className="usage">
          {usage.requests} model calls, {usage.inputTokens.toLocaleString()} tokens in, {usage.outputTokens.toLocaleString()} out
          {usage.cost !== null && `, $${usage.cost.toFixed(4)}`}
        </p>
      )}
    </>
  );
}

const LIVE = new Set(['SCHEDULED', 'QUEUED', 'RUNNING', 'AWAITING_INPUT']);

function Actions({ run }: { run: Execution }) {
  const [, go] = useLocation();
  const [cancel, cancelling] = useMutation(CANCEL_RUN);
  const [retry, retrying] = useMutation(RETRY_RUN);
  const again = async () => {
    const input = { id: run.id, idempotencyKey: crypto.randomUUID() };
    const started = (await retry({ variables: { input } }).catch(() => undefined))?.data?.retryExecution;
    if (started?.execution) go(`/runs/${started.execution.id}`);
  };
  const stop = () => void cancel({ variables: { input: { id: run.id } } }).catch(() => undefined);
  const problem =
    cancelling.error?.message ?? retrying.error?.message ?? problemOf(cancelling.data?.cancelExecution ?? retrying.data?.retryExecution);
  return (
    <>
      <Said isBad>{problem}</Said>
      {LIVE.has(run.status) && (
        <button type="button" disabled={cancelling.loading} onClick={stop}>
          Cancel
        </button>
      )}
      {run.isOver && (
        <button type="button" disabled={retrying.loading} onClick={() => void again()}>
          Run again
        </button>
      )}
    </>
  );
}
