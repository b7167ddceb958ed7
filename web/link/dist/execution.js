// An execution as its stream tells of it: a snapshot, and what happened since.
/** The run after one more frame. Pure; an event that was seen already changes nothing. */
export function reduceExecution(run, frame) {
    if (frame.__typename === 'StreamOpened' || frame.__typename === 'StreamReset')
        return opened(run, frame);
    if (run === undefined)
        return undefined;
    const { cursor } = frame;
    if (frame.__typename === 'EventBatch')
        return { ...frame.events.reduce(happened, run), cursor };
    return { ...run, cursor, isOver: frame.__typename === 'StreamClosed' && frame.reason === 'TERMINAL' };
}
function opened(run, frame) {
    const { cursor, snapshot } = frame;
    const isSamePlace = run?.id === snapshot.id && run.cursor === cursor;
    const steps = isSamePlace ? run.steps : byNumber([...snapshot.steps.nodes]);
    return { ...snapshot, steps, cursor, seq: isSamePlace ? run.seq : 0, isOver: false };
}
function happened(run, event) {
    return event.seq <= run.seq ? run : { ...changed(run, event), seq: event.seq };
}
function changed(run, event) {
    switch (event.__typename) {
        case 'ExecutionStatusChanged':
            return moved(run, event.status, event.endReason, event.attempt);
        case 'StepStarted':
        case 'StepFinished':
            return { ...run, steps: withStep(run.steps, event.step) };
        case 'ProgressReported':
            return { ...run, progress: event.progress };
        default:
            return run; // an event of a later schema
    }
}
/** The log has answers and errors in the steps that brought them. */
function moved(run, status, endReason, attempt) {
    const answer = run.steps.findLast(({ kind }) => kind === 'FINAL_ANSWER');
    const result = status === 'COMPLETED' ? (answer?.result ?? answer?.text ?? null) : run.result;
    const failed = run.steps.findLast(({ status }) => status === 'FAILED');
    const error = status === 'FAILED' ? (failed?.error ?? null) : run.error;
    return { ...run, status, endReason, attempt, result, error };
}
/** An attempt may begin a step anew, under its number. */
function withStep(steps, step) {
    return byNumber([...steps.filter(({ number }) => number !== step.number), step]);
}
function byNumber(steps) {
    return steps.sort((one, other) => one.number - other.number);
}
/** What `reduceExecution` reads. */
export const EXECUTION_STREAM = /* GraphQL */ `
  subscription ExecutionStream($id: ID!, $after: String, $from: StreamFrom) {
    executionStream(id: $id, after: $after, from: $from) {
      __typename
      ... on StreamOpened {
        cursor
        snapshot {
          ...Run
        }
      }
      ... on StreamReset {
        cursor
        cause
        snapshot {
          ...Run
        }
      }
      ... on EventBatch {
        cursor
        continuesFrom
        events {
          __typename
          seq
          ... on ExecutionStatusChanged {
            status
            endReason
            attempt
          }
          ... on StepStarted {
            step {
              ...StepParts
            }
          }
          ... on StepFinished {
            step {
              ...StepParts
            }
          }
          ... on ProgressReported {
            progress {
              percent
              message
              at
            }
          }
        }
      }
      ... on Heartbeat {
        cursor
      }
      ... on StreamClosed {
        cursor
        reason
      }
    }
  }

  fragment Run on Node {
    id
    ... on Execution {
      input
      status
      endReason
      attempt
      progress {
        percent
        message
        at
      }
      steps(first: 100) {
        nodes {
          ...StepParts
        }
      }
      result
      error
    }
  }

  fragment StepParts on Step {
    id
    number
    kind
    status
    toolName
    input
    result
    text
    error
    attempt
    startedAt
    finishedAt
  }
`;
