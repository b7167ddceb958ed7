// What both applications show of a run.
import { createElement } from 'react';

export function Run({ id, frames, execution, problem }) {
  const of = (name) => frames.filter(({ __typename }) => __typename === name);
  const events = of('EventBatch').flatMap(({ events }) => events);
  const facts = {
    id,
    'data-over': of('StreamClosed').length > 0 && execution?.isOver === true,
    'data-opened': of('StreamOpened').length,
    'data-resets': of('StreamReset').map(({ cause }) => cause),
    'data-problem': problem?.message,
  };
  return createElement(
    'article',
    facts,
    createElement('ol', null, events.map(({ seq }, index) => createElement('li', { key: index }, seq))),
    execution && createElement('output', null, JSON.stringify(summary(execution))),
  );
}

function summary({ status, result, error, attempt, progress, steps }) {
  const brief = steps.map(({ id, number, status }) => ({ id, number, status }));
  return { status, result, error, attempt, percent: progress?.percent ?? null, steps: brief };
}
