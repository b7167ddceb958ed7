// What the documents answer, as far as the pages read it.

export interface Page<T> {
  nodes: T[];
  pageInfo: { endCursor: string | null; hasNextPage: boolean };
  totalCount: number;
}

export type Priority = 'LOW' | 'MEDIUM' | 'HIGH';

export interface Task {
  id: string;
  number: number;
  title: string;
  description: string | null;
  priority: Priority;
  dueAt: string | null;
  completed: boolean;
  version: number;
}

export interface RunLine {
  id: string;
  input: string;
  status: string;
  endReason: string | null;
  progress: { percent: number | null; message: string | null } | null;
  agent: { id: string; name: string } | null;
  createdAt: string;
  finishedAt: string | null;
}

export interface Family extends RunLine {
  parent: RunLine | null;
  children: (RunLine & { children: RunLine[] })[];
  interrupts: Interrupt[];
  usage: { inputTokens: number; outputTokens: number; requests: number; cost: number | null };
}

export interface Interrupt {
  id: string;
  reason: 'TOOL_APPROVAL' | 'QUESTION' | 'BUDGET' | 'EFFECT_VERIFICATION';
  prompt: string;
  toolName: string | null;
  arguments: unknown;
  responseSchema: { type?: string } | null;
  status: string;
  expiresAt: string;
  createdAt: string;
  execution: { id: string; input: string };
}

export interface Agent {
  id: string;
  name: string;
  instructions: string;
  model: string;
  temperature: number | null;
  maxSteps: number;
  longHistory: 'TRIM' | 'SUMMARIZE';
  approvalRequired: string[];
  version: number;
  archivedAt: string | null;
  tools: { name: string }[];
  subagents: { id: string; name: string }[];
}

export interface Tool {
  name: string;
  description: string;
  effect: string;
  source: string;
}

export interface Message {
  id: string;
  role: 'SYSTEM' | 'USER' | 'ASSISTANT' | 'TOOL';
  content: string;
  createdAt: string;
  execution: { id: string; status: string } | null;
}

export interface Conversation {
  id: string;
  title: string | null;
  updatedAt: string;
  agent: { id: string; name: string } | null;
  cursor: string;
  messages: { nodes: Message[] };
}

/** A mutation's answer: the success, or why not. */
export interface Answer {
  __typename: string;
  message?: string;
  issues?: { message: string }[];
}

/** What a problem says; undefined for a success. */
export function problemOf(answer: Answer | undefined): string | undefined {
  return answer?.issues?.map(({ message }) => message).join(' ') || answer?.message;
}
