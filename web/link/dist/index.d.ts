export { resumable, type ResumeOptions } from './resumable.js';
export { isFinal } from './reasons.js';
export { backoff } from './backoff.js';
export { EXECUTION_STREAM, reduceExecution, type Execution, type ExecutionEvent, type ExecutionFrame, type ExecutionSnapshot, type ExecutionStatus, type Progress, type Step, } from './execution.js';
