import { gql, type TypedDocumentNode } from '@apollo/client';
import { useSubscription } from '@apollo/client/react';
import { useReducer } from 'react';
import { EXECUTION_STREAM, reduceExecution, type Execution, type ExecutionFrame } from './execution.js';

export interface Following {
  /** The run as it is now; undefined until its stream has opened. */
  execution: Execution | undefined;
  /** What ended the stream for good; cuts are not errors. */
  error: Error | undefined;
}

interface Data {
  executionStream: ExecutionFrame;
}

interface Variables {
  id: string;
  from: 'START' | 'NOW';
}

const STREAM: TypedDocumentNode<Data, Variables> = gql(EXECUTION_STREAM);
// Who joins another's stream in its midst has missed its snapshot.
const CONTEXT = { queryDeduplication: false };

/**
 * Follows a run from its first event (or, with `from: 'NOW'`, from today's state with its first 100 steps).
 * No id: nothing to follow yet.
 */
export function useExecution(id: string | undefined, options: { from?: 'START' | 'NOW' } = {}): Following {
  const [seen, dispatch] = useReducer(next, undefined);
  const following: useSubscription.Options<Data, Variables> = {
    variables: { id: id ?? '', from: options.from ?? 'START' },
    skip: id === undefined,
    fetchPolicy: 'no-cache',
    context: CONTEXT,
    onData: ({ data }) => data.data && dispatch(data.data.executionStream),
  };
  const { error } = useSubscription(STREAM, following);
  return { execution: seen?.id === id ? seen : undefined, error };
}

function next(run: Execution | undefined, frame: ExecutionFrame): Execution | undefined {
  return reduceExecution(run, frame);
}
