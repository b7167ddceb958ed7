// The operations of documents/, each with just the fragments that it needs.
import type { TypedDocumentNode } from '@apollo/client';
import { parse, separateOperations } from 'graphql';
import activity from './documents/activity.graphql?raw';
import agents from './documents/agents.graphql?raw';
import conversations from './documents/conversations.graphql?raw';
import people from './documents/people.graphql?raw';
import runs from './documents/runs.graphql?raw';
import tasks from './documents/tasks.graphql?raw';
import type { Agent, Answer, Conversation, Family, Interrupt, Message, Page, RunLine, Task, Tool } from './types';
import type { Session } from './session';

const operations = [activity, agents, conversations, people, runs, tasks].reduce<Record<string, unknown>>(
  (all, text) => ({ ...all, ...separateOperations(parse(text)) }),
  {},
);

function operation<D, V = Record<string, never>>(name: string): TypedDocumentNode<D, V> {
  return operations[name] as TypedDocumentNode<D, V>;
}

type Input = { input: Record<string, unknown> };
type More = { after?: string | null };
type SignedIn = Answer & { session?: Session };

export const VIEWER = operation<{ viewer: { id: string; email: string | null; name: string | null } }>('Viewer');
export const SIGN_IN = operation<{ signIn: SignedIn }, Input>('SignIn');
export const SIGN_UP = operation<{ signUp: SignedIn }, Input>('SignUp');
export const SIGN_OUT = operation<object, { token: string }>('SignOut');

export const TASKS = operation<{ tasks: Page<Task> }, { filter?: Record<string, unknown> } & More>('Tasks');
export const ASK = operation<
  { askTaskAgent: Answer & { response?: string; outcome?: string; confirmToken?: string | null } },
  Input
>('Ask');
export const UPDATE_TASK = operation<{ updateTask: Answer }, Input>('UpdateTask');
export const DELETE_TASK = operation<{ deleteTask: Answer }, Input>('DeleteTask');

export const RUNS = operation<{ executions: Page<RunLine> }, { filter?: Record<string, unknown> } & More>('Runs');
export const FAMILY = operation<{ execution: Family | null }, { id: string }>('Family');
export const START_RUN = operation<{ startExecution: Answer & { execution?: RunLine } }, Input>('StartRun');
export const CANCEL_RUN = operation<{ cancelExecution: Answer }, Input>('CancelRun');
export const RETRY_RUN = operation<{ retryExecution: Answer & { execution?: RunLine } }, Input>('RetryRun');

export const INBOX = operation<{ interrupts: Page<Interrupt> }, More>('Inbox');
export const ANSWER = operation<{ answerInterrupts: { results: Answer[] } }, Input>('Answer');

export const AGENTS = operation<{ agents: Page<Agent> }, More>('Agents');
export const TOOLS = operation<{ tools: Tool[] }>('Tools');
export const CREATE_AGENT = operation<{ createAgent: Answer & { agent?: Agent } }, Input>('CreateAgent');
export const UPDATE_AGENT = operation<{ updateAgent: Answer & { agent?: Agent } }, Input>('UpdateAgent');
export const ARCHIVE_AGENT = operation<{ archiveAgent: Answer }, { id: string }>('ArchiveAgent');

export const CONVERSATIONS = operation<{ conversations: Page<Conversation> }, More>('Conversations');
export const CONVERSATION = operation<{ conversation: Conversation | null }, { id: string }>('Conversation');
export const CREATE_CONVERSATION = operation<
  { createConversation: Answer & { conversation?: Conversation } },
  Input
>('CreateConversation');
export const DELETE_CONVERSATION = operation<{ deleteConversation: Answer }, { id: string }>('DeleteConversation');
export const SEND_MESSAGE = operation<{ sendMessage: Answer & { userMessage?: Message } }, Input>('SendMessage');

interface Frame<E> {
  __typename: string;
  events?: E[];
}
export type Activity =
  | { __typename: 'TaskChanged'; kind: 'CREATED' | 'UPDATED' | 'DELETED'; task: Task | null }
  | { __typename: 'ExecutionStatusChanged'; executionId: string; status: string; endReason: string | null }
  | { __typename: 'InterruptOpened' | 'InterruptClosed' };
export type Talk =
  | { __typename: 'MessageDelta'; messageId: string; offset: number; text: string }
  | { __typename: 'MessageCompleted'; message: Message }
  | { __typename: 'ExecutionStatusChanged'; executionId: string; status: string };
export const ACTIVITY = operation<{ activityStream: Frame<Activity> }, More>('Activity');
export const CONVERSATION_STREAM = operation<{ conversationStream: Frame<Talk> }, { id: string } & More>('ConversationStream');
