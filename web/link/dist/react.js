import { gql } from '@apollo/client';
import { useSubscription } from '@apollo/client/react';
import { useReducer } from 'react';
import { EXECUTION_STREAM, reduceExecution } from './execution.js';
const STREAM = gql(EXECUTION_STREAM);
// Who joins another's stream in its midst has missed its snapshot.
const CONTEXT = { queryDeduplication: false };
/**
 * Follows a run from its first event (or, with `from: 'NOW'`, from today's state with its first 100 steps).
 * No id: nothing to follow yet.
 */
export function useExecution(id, options = {}) {
    const [seen, dispatch] = useReducer(next, undefined);
    const following = {
        variables: { id: id ?? '', from: options.from ?? 'START' },
        skip: id === undefined,
        fetchPolicy: 'no-cache',
        context: CONTEXT,
        onData: ({ data }) => data.data && dispatch(data.data.executionStream),
    };
    const { error } = useSubscription(STREAM, following);
    return { execution: seen?.id === id ? seen : undefined, error };
}
function next(run, frame) {
    return reduceExecution(run, frame);
}
