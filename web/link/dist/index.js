export { resumable } from './resumable.js';
export { isFinal } from './reasons.js';
export { backoff } from './backoff.js';
export { EXECUTION_STREAM, reduceExecution, } from './execution.js';
