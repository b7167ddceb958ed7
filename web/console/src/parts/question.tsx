// What a run asks a person, and the ways to answer it.
import { useMutation } from '@apollo/client/react';
import { useId, useState, type FormEvent } from 'react';
import { ANSWER } from '../documents';
import { problemOf, type Interrupt } from '../types';
import { Ago, Said } from './basics';

type Reply = { decision: string; arguments?: unknown; value?: unknown; comment?: string };

const TITLES = {
  TOOL_APPROVAL: 'May it call this tool?',
  QUESTION: 'It asks',
  BUDGET: 'Its budget is spent',
  EFFECT_VERIFICATION: 'Did this take effect?',
};

export function Question({ interrupt }: { interrupt: Interrupt }) {
  const [send, { data, loading, error }] = useMutation(ANSWER, { refetchQueries: ['Inbox', 'Family'] });
  const [mistake, setMistake] = useState<string>();
  const name = useId();
  const answer = async (reply: Reply) => {
    setMistake(undefined);
    const input = { answers: [{ interruptId: interrupt.id, ...reply }], idempotencyKey: crypto.randomUUID() };
    await send({ variables: { input } }).catch(() => undefined);
  };
  const problem = mistake ?? error?.message ?? problemOf(data?.answerInterrupts.results[0]);
  return (
    <section className="question" aria-labelledby={name}>
      <h3 id={name}>
        {TITLES[interrupt.reason]} <Ago at={interrupt.createdAt} />
      </h3>
      <p>{interrupt.prompt}</p>
      {interrupt.toolName && (
        <p>
          <code>{interrupt.toolName}</code>
        </p>
      )}
      {interrupt.reason === 'TOOL_APPROVAL' ? (
        <Approval interrupt={interrupt} answer={answer} onMistake={setMistake} isBusy={loading} />
      ) : (
        <Response interrupt={interrupt} answer={answer} onMistake={setMistake} isBusy={loading} />
      )}
      <Said isBad>{problem}</Said>
    </section>
  );
}

interface Ways {
  interrupt: Interrupt;
  answer: (reply: Reply) => Promise<void>;
  onMistake: (mistake: string) => void;
  isBusy: boolean;
}

function Approval({ interrupt, answer, onMistake, isBusy }: Ways) {
  const proposed = JSON.stringify(interrupt.arguments ?? {}, null, 2);
  const [text, setText] = useState(proposed);
  const [comment, setComment] = useState('');
  const approve = () => {
    if (text === proposed) return void answer({ decision: 'APPROVE', comment: comment || undefined });
    const edited = parsed(text);
    if (edited === undefined) return onMistake('The arguments are not valid JSON.');
    return void answer({ decision: 'EDIT', arguments: edited, comment: comment || undefined });
  };
  return (
    <>
      <textarea
        aria-label="Arguments"
        rows={Math.min(12, text.split('\n').length)}
        value={text}
        spellCheck={false}
        onChange={({ target }) => setText(target.value)}
      />
      <div className="answer">
        <input placeholder="A word to the agent" value={comment} onChange={({ target }) => setComment(target.value)} />
        <button type="button" className="main" disabled={isBusy} onClick={approve}>
          {text === proposed ? 'Approve' : 'Approve as edited'}
        </button>
        <button
          type="button"
          className="danger"
          disabled={isBusy}
          onClick={() => void answer({ decision: 'DENY', comment: comment || undefined })}
        >
          Deny
        </button>
      </div>
    </>
  );
}

function Response({ interrupt, answer, onMistake, isBusy }: Ways) {
  const type = interrupt.responseSchema?.type;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget).get('value') ?? '');
    const value = type === undefined || type === 'string' ? text : parsed(text);
    if (value === undefined) return onMistake('This is not valid JSON.');
    return void answer({ decision: 'RESPOND', value });
  };
  return (
    <form className="answer" onSubmit={submit}>
      <input
        name="value"
        aria-label="Answer"
        placeholder={type && type !== 'string' ? `${type}, as JSON` : 'Answer'}
        required
      />
      <button type="submit" className="main" disabled={isBusy}>
        Answer
      </button>
      <button type="button" className="danger" disabled={isBusy} onClick={() => void answer({ decision: 'DENY' })}>
        Refuse
      </button>
    </form>
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
