// What waits for a person, across all runs.
import { useQuery } from '@apollo/client/react';
import { Link } from 'wouter';
import { INBOX } from '../documents';
import { Empty, More, Page, Trouble } from '../parts/basics';
import { Question } from '../parts/question';

export function InboxPage() {
  const { data, error, refetch, fetchMore } = useQuery(INBOX, { fetchPolicy: 'cache-and-network' });
  const page = data?.interrupts;
  return (
    <Page title="Inbox">
      <Trouble error={error} retry={() => void refetch()} />
      {page?.nodes.length === 0 && <Empty title="Nothing waits for you">Approvals and questions of your runs come here.</Empty>}
      {page?.nodes.map((interrupt) => (
        <article key={interrupt.id}>
          <Link to={`/runs/${interrupt.execution.id}`} className="line">
            {interrupt.execution.input}
          </Link>
          <Question interrupt={interrupt} />
        </article>
      ))}
      <More page={page?.pageInfo} load={() => void fetchMore({ variables: { after: page?.pageInfo.endCursor } })} />
    </Page>
  );
}
