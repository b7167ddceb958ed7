// A tab for each thing that Baton can do: the first ones are a newcomer's first steps.
import activity from './documents/activity.graphql';
import agents from './documents/agents.graphql';
import approvals from './documents/approvals.graphql';
import chat from './documents/chat.graphql';
import pipeline from './documents/pipeline.graphql';
import runs from './documents/runs.graphql';
import schedules from './documents/schedules.graphql';
import sentence from './documents/sentence.graphql';
import startRun from './documents/start-run.graphql';
import tasks from './documents/tasks.graphql';
import toolServers from './documents/tool-servers.graphql';
import usage from './documents/usage.graphql';
import watchRun from './documents/watch-run.graphql';

const asking = (...names) => JSON.stringify(Object.fromEntries(names.map((name) => [name, ''])), null, 2);

export const examples = [
  { query: startRun },
  { query: watchRun, variables: asking('id') },
  { query: tasks },
  { query: sentence },
  { query: runs, variables: asking('id') },
  { query: chat, variables: asking('id') },
  { query: agents, variables: asking('id') },
  { query: approvals, variables: asking('agentId', 'interruptId') },
  { query: pipeline, variables: asking('id') },
  { query: schedules, variables: asking('id') },
  { query: toolServers, variables: asking('id', 'url') },
  { query: usage },
  { query: activity },
];
