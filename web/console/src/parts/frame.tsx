// The house around the pages: where one can go, who is there, and whether news comes in.
import { useMutation, useQuery } from '@apollo/client/react';
import { useEffect, useState, type PropsWithChildren } from 'react';
import { Link, useLocation, useRoute } from 'wouter';
import { useIsCut } from '../connection';
import { INBOX, SIGN_OUT, VIEWER } from '../documents';
import { session, signedOut } from '../session';
import { useKeys } from './keys';
import { useTheme } from './theme';

const ROOMS = [
  { to: '/', name: 'Tasks', key: 't' },
  { to: '/chat', name: 'Chat', key: 'c' },
  { to: '/runs', name: 'Runs', key: 'r' },
  { to: '/inbox', name: 'Inbox', key: 'i' },
  { to: '/agents', name: 'Agents', key: 'a' },
];

export function Frame({ children }: PropsWithChildren) {
  const [, go] = useLocation();
  const [isHelpOpen, setHelp] = useState(false);
  useKeys({
    ...Object.fromEntries(ROOMS.map(({ to, key }) => [`g ${key}`, () => go(to)])),
    '/': () => document.querySelector<HTMLElement>('[data-first]')?.focus(),
    '?': () => setHelp(true),
  });
  return (
    <div className="frame">
      <nav aria-label="Rooms">
        <p className="brand">Baton</p>
        {ROOMS.map(({ to, name }) => (
          <Room key={to} to={to} name={name} />
        ))}
        <Foot onHelp={() => setHelp(true)} />
      </nav>
      <main>{children}</main>
      <Connection />
      <Help isOpen={isHelpOpen} close={() => setHelp(false)} />
    </div>
  );
}

function Room({ to, name }: { to: string; name: string }) {
  const [isHere] = useRoute(to === '/' ? '/' : `${to}/*?`);
  return (
    <Link to={to} aria-current={isHere ? 'page' : undefined}>
      {name}
      {name === 'Inbox' && <Waiting />}
    </Link>
  );
}

function Waiting() {
  const { data } = useQuery(INBOX);
  const count = data?.interrupts.totalCount ?? 0;
  return count > 0 ? <span className="count">{count}</span> : null;
}

function Foot({ onHelp }: { onHelp: () => void }) {
  const { data } = useQuery(VIEWER);
  const [theme, turn] = useTheme();
  const [signOut] = useMutation(SIGN_OUT);
  const leave = async () => {
    const token = session()?.refreshToken;
    if (token) await signOut({ variables: { token } }).catch(() => undefined); // gone from here in any case
    signedOut();
  };
  return (
    <div className="foot">
      <p title="Signed in">{data?.viewer.name ?? data?.viewer.email}</p>
      <button type="button" onClick={turn}>
        {theme === 'dark' ? 'Light' : 'Dark'}
      </button>
      <button type="button" onClick={onHelp}>
        Keys
      </button>
      <button type="button" onClick={() => void leave()}>
        Sign out
      </button>
    </div>
  );
}

function Connection() {
  return useIsCut() ? (
    <p className="connection" role="status">
      Connecting again…
    </p>
  ) : null;
}

function Help({ isOpen, close }: { isOpen: boolean; close: () => void }) {
  useEffect(() => {
    if (!isOpen) return;
    const onKey = (event: KeyboardEvent) => event.key === 'Escape' && close();
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [isOpen, close]);
  if (!isOpen) return null;
  return (
    <div className="veil" onClick={close}>
      <dialog open aria-label="Keys" onClick={(event) => event.stopPropagation()}>
        <h2>Keys</h2>
        <dl>
          {ROOMS.map(({ key, name }) => (
            <div key={key}>
              <dt>
                <kbd>g</kbd> <kbd>{key}</kbd>
              </dt>
              <dd>{name}</dd>
            </div>
          ))}
          <div>
            <dt>
              <kbd>/</kbd>
            </dt>
            <dd>To the page's first field</dd>
          </div>
          <div>
            <dt>
              <kbd>?</kbd>
            </dt>
            <dd>This list</dd>
          </div>
        </dl>
        <button type="button" autoFocus onClick={close}>
          Close
        </button>
      </dialog>
    </div>
  );
}
