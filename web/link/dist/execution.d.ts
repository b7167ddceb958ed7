export type ExecutionStatus = 'SCHEDULED' | 'QUEUED' | 'RUNNING' | 'AWAITING_INPUT' | 'CANCELLING' | 'COMPLETED' | 'FAILED' | 'CANCELLED';
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
    steps: {
        nodes: readonly Step[];
    };
};
export type ExecutionEvent = {
    seq: number;
} & ({
    __typename: 'ExecutionStatusChanged';
    status: ExecutionStatus;
    endReason: string | null;
    attempt: number;
} | {
    __typename: 'StepStarted' | 'StepFinished';
    step: Step;
} | {
    __typename: 'ProgressReported';
    progress: Progress;
});
export type ExecutionFrame = {
    cursor: string;
} & ({
    __typename: 'StreamOpened' | 'StreamReset';
    snapshot: ExecutionSnapshot;
} | {
    __typename: 'EventBatch';
    continuesFrom: string;
    events: readonly ExecutionEvent[];
} | {
    __typename: 'Heartbeat';
} | {
    __typename: 'StreamClosed';
    reason: string;
});
/** The run after one more frame. Pure; an event that was seen already changes nothing. */
export declare function reduceExecution(run: Execution | undefined, frame: ExecutionFrame): Execution | undefined;
/** What `reduceExecution` reads. */
export declare const EXECUTION_STREAM = "\n  subscription ExecutionStream($id: ID!, $after: String, $from: StreamFrom) {\n    executionStream(id: $id, after: $after, from: $from) {\n      __typename\n      ... on StreamOpened {\n        cursor\n        snapshot {\n          ...Run\n        }\n      }\n      ... on StreamReset {\n        cursor\n        cause\n        snapshot {\n          ...Run\n        }\n      }\n      ... on EventBatch {\n        cursor\n        continuesFrom\n        events {\n          __typename\n          seq\n          ... on ExecutionStatusChanged {\n            status\n            endReason\n            attempt\n          }\n          ... on StepStarted {\n            step {\n              ...StepParts\n            }\n          }\n          ... on StepFinished {\n            step {\n              ...StepParts\n            }\n          }\n          ... on ProgressReported {\n            progress {\n              percent\n              message\n              at\n            }\n          }\n        }\n      }\n      ... on Heartbeat {\n        cursor\n      }\n      ... on StreamClosed {\n        cursor\n        reason\n      }\n    }\n  }\n\n  fragment Run on Node {\n    id\n    ... on Execution {\n      input\n      status\n      endReason\n      attempt\n      progress {\n        percent\n        message\n        at\n      }\n      steps(first: 100) {\n        nodes {\n          ...StepParts\n        }\n      }\n      result\n      error\n    }\n  }\n\n  fragment StepParts on Step {\n    id\n    number\n    kind\n    status\n    toolName\n    input\n    result\n    text\n    error\n    attempt\n    startedAt\n    finishedAt\n  }\n";
