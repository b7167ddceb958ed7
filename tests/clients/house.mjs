// The servers that a script talks to, beside the streams that it watches.
import assert from 'node:assert/strict';

export function houseAt(server, authorization) {
  return {
    async ask(query, variables) {
      const response = await fetch(`${server}/graphql`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
      });
      const { data, errors } = await response.json();
      assert.equal(errors, undefined);
      return data;
    },

    /** What a page should show of a run, and the numbers of the events in its log. */
    async run(id) {
      const { execution } = await this.ask(
        `query ($id: ID!) { execution(id: $id) {
          status result error attempt progress { percent }
          steps(first: 100) { nodes { id number status } } events(first: 100) { nodes { seq } }
        } }`,
        { id },
      );
      const { steps, events, progress, ...rest } = execution;
      const log = events.nodes.map(({ seq }) => seq);
      return { ...rest, percent: progress?.percent ?? null, steps: steps.nodes, log };
    },
  };
}

export async function until(condition, told) {
  const end = Date.now() + 60_000;
  while (!condition()) {
    assert.ok(Date.now() < end, `it never came true: ${JSON.stringify(told())}`);
    await new Promise((passed) => setTimeout(passed, 5));
  }
}
