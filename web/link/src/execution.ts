// An execution as its stream tells of it: a snapshot, and what happened since.

export type ExecutionStatus =
  | 'SCHEDULED'
  | 'QUEUED'
  | 'RUNNING'
  | 'AWAITING_INPUT'
  | 'CANCELLING'
  | 'COMPLETED'
  | 'FAILED'
  | 'CANCELLED';

export interface Progress {
  percent: number | null;
  message: string | null;
  at: string;
}

export interface Step {
  id: string;
  number: number;
  kind: 'THINKING' | 'TOOL_CALL' | 'FINAL_ANSWER' | 'SUMMARY';
  status: 'RUNNING' | 'COMPLETED' | 'FAILED' | 'UNKNOWN';
  toolName: string | null;
  input: unknown;
  result: unknown;
  text: string | null;
  error: string | null;
  attempt: number;
  startedAt: string;
  finishedAt: string | null;
}

/** The current run. */
export interface Execution {
  id: string;
  input: string;
  status: ExecutionStatus;
  endReason: string | null;
  attempt: number;
  progress: Progress | null;
  /** By number. */
  steps: readonly Step[];
  /** The final answer; null until COMPLETED. */
  result: unknown;
  error: string | null;
  /** Where the stream stands. */
  cursor: string;
  /** Of the last event seen; 0: none yet. */
  seq: number;
  /** Nothing more will come. */
  isOver: boolean;
}

export type ExecutionSnapshot = Omit<Execution, 'steps' | 'cursor' | 'seq' | 'isOver'> & {
  steps: { nodes: readonly Step[] };
};

export type ExecutionEvent = { seq: number } & (
  | { __typename: 'ExecutionStatusChanged'; status: ExecutionStatus; endReason: string | null; attempt: number }
  | { __typename: 'StepStarted' | 'StepFinished'; step: Step }
  | { __typename: 'ProgressReported'; progress: Progress }
);

export type ExecutionFrame = { cursor: string } & (
  | { __typename: 'StreamOpened' | 'StreamReset'; snapshot: ExecutionSnapshot }
  | { __typename: 'EventBatch'; continuesFrom: string; events: readonly ExecutionEvent[] }
  | { __typename: 'Heartbeat' }
  | { __typename: 'StreamClosed'; reason: string }
);

/** The run after one more frame. Pure; an event that was seen already changes nothing. */
export function reduceExecution(run: Execution | undefined, frame: ExecutionFrame): Execution | undefined {
  if (frame.__typename === 'StreamOpened' || frame.__typename === 'StreamReset') return opened(run, frame);
  if (run === undefined) return undefined;
  const { cursor } = frame;
  if (frame.__typename === 'EventBatch') return { ...frame.events.reduce(happened, run), cursor };
  return { ...run, cursor, isOver: frame.__typename === 'StreamClosed' && frame.reason === 'TERMINAL' };
}

function opened(run: Execution | undefined, frame: { cursor: string; snapshot: ExecutionSnapshot }): Execution {
  const { cursor, snapshot } = frame;
  const isSamePlace = run?.id === snapshot.id && run.cursor === cursor;
  const steps = isSamePlace ? run.steps : byNumber([...snapshot.steps.nodes]);
  return { ...snapshot, steps, cursor, seq: isSamePlace ? run.seq : 0, isOver: false };
}

function happened(run: Execution, event: ExecutionEvent): Execution {
  return event.seq <= run.seq ? run : { ...changed(run, event), seq: event.seq };
}

function changed(run: Execution, event: ExecutionEvent): Execution {
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
function moved(run: Execution, status: ExecutionStatus, endReason: string | null, attempt: number): Execution {
  const answer = run.steps.findLast(({ kind }) => kind === 'FINAL_ANSWER');
  const result = status === 'COMPLETED' ? (answer?.result ?? answer?.text ?? null) : run.result;
  const failed = run.steps.findLast(({ status }) => status === 'FAILED');
  const error = status === 'FAILED' ? (failed?.error ?? null) : run.error;
  return { ...run, status, endReason, attempt, result, error };
}

/** An attempt may begin a step anew, under its number. */
function withStep(steps: readonly Step[], step: Step): Step[] {
  return byNumber([...steps.filter(({ number }) => number !== step.number), step]);
}

function byNumber(steps: Step[]): Step[] {
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
