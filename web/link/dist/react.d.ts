import { type Execution } from './execution.js';
export interface Following {
    /** The run as it is now; undefined until its stream has opened. */
    execution: Execution | undefined;
    /** What ended the stream for good; cuts are not errors. */
    error: Error | undefined;
}
/**
 * Follows a run from its first event (or, with `from: 'NOW'`, from today's state with its first 100 steps).
 * No id: nothing to follow yet.
 */
export declare function useExecution(id: string | undefined, options?: {
    from?: 'START' | 'NOW';
}): Following;
