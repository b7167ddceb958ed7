// Small things that every page uses.
import { useEffect, useState, type PropsWithChildren, type ReactNode } from 'react';

export function Empty({ title, children }: PropsWithChildren<{ title: string }>) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      <p>{children}</p>
    </div>
  );
}

export function Trouble({ error, retry }: { error: Error | undefined; retry?: () => void }) {
  if (!error) return null;
  return (
    <div className="trouble" role="alert">
      <p>{error.message}</p>
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Status({ status }: { status: string }) {
  return <span className={`status ${status.toLowerCase()}`}>{status.toLowerCase().replace('_', ' ')}</span>;
}

export function Progress({ percent }: { percent: number | null | undefined }) {
  if (percent === null || percent === undefined) return null;
  return <progress max={100} value={percent} aria-label="Progress" />;
}

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** How long ago, kept true while it is shown. */
export function Ago({ at }: { at: string }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  const seconds = (Date.parse(at) - now) / 1_000;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ['second', 1];
  const told = unit === 'second' ? 'just now' : relative.format(Math.round(seconds / size), unit);
  return (
    <time dateTime={at} title={new Date(at).toLocaleString()}>
      {told}
    </time>
  );
}

export function Page({ title, actions, children }: PropsWithChildren<{ title: string; actions?: ReactNode }>) {
  useEffect(() => {
    document.title = `${title} · Baton`;
  }, [title]);
  return (
    <>
      <header className="page-head">
        <h1>{title}</h1>
        <div className="actions">{actions}</div>
      </header>
      {children}
    </>
  );
}

/** The rest of a list, asked for when it is wanted. */
export function More({ page, load }: { page: { hasNextPage: boolean } | undefined; load: () => void }) {
  if (!page?.hasNextPage) return null;
  return (
    <button type="button" className="more" onClick={load}>
      Show more
    </button>
  );
}

/** What was just done, or why not, for a reader of the screen too. */
export function Said({ children, isBad }: PropsWithChildren<{ isBad?: boolean }>) {
  return (
    <p className={isBad ? 'said bad' : 'said'} role="status">
      {children}
    </p>
  );
}
