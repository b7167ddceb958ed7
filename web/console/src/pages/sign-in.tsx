// The door: an address and a password, of an account that is there or of a new one.
import { useState, type FormEvent } from 'react';
import { print, type DocumentNode } from 'graphql';
import { SIGN_IN, SIGN_UP } from '../documents';
import { signedIn, type Session } from '../session';
import { problemOf, type Answer } from '../types';

type SignedIn = Answer & { session?: Session };

export function SignInPage() {
  const [isNew, setNew] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setBusy(true);
    const fields = Object.fromEntries(new FormData(event.currentTarget)) as Record<string, string>;
    setProblem(await enter(isNew, fields).catch((error: Error) => error.message));
    setBusy(false);
  };
  return (
    <main className="door">
      <form onSubmit={(event) => void submit(event)}>
        <h1>Baton</h1>
        <label>
          Email
          <input name="email" type="email" autoComplete="username" required autoFocus />
        </label>
        <label>
          Password
          <input
            name="password"
            type="password"
            autoComplete={isNew ? 'new-password' : 'current-password'}
            minLength={isNew ? 12 : undefined}
            required
          />
        </label>
        {problem && (
          <p className="said bad" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" className="main" disabled={isBusy}>
          {isNew ? 'Create account' : 'Sign in'}
        </button>
        <button type="button" className="quiet" onClick={() => setNew(!isNew)}>
          {isNew ? 'I have an account' : 'Create an account'}
        </button>
      </form>
    </main>
  );
}

/** Signs in; answers what is in the way. */
async function enter(isNew: boolean, { email, password }: Record<string, string>): Promise<string | undefined> {
  const document: DocumentNode = isNew ? SIGN_UP : SIGN_IN;
  const answer = await fetch('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: print(document), variables: { input: { email, password } } }),
  });
  const { data, errors } = (await answer.json()) as { data?: Record<string, SignedIn>; errors?: { message: string }[] };
  const result = data && Object.values(data)[0];
  if (!result?.session) return errors?.[0]?.message ?? problemOf(result) ?? 'That did not work.';
  signedIn(result.session);
  return undefined;
}
