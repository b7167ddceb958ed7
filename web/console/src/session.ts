// Who is signed in. The access token lives for minutes; the refresh token is good once, so tabs take turns.

export interface Session {
  accessToken: string;
  accessTokenExpiresAt: string;
  /** Absent where a link brought a bare token. */
  refreshToken?: string;
}

const KEY = 'baton:session';
const EARLY_MS = 30_000;
const changed = new EventTarget();

/** A link may carry a token as `#token=…`: it is kept for this tab alone and leaves the address bar at once. */
export function takeToken(): void {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (!token) return;
  sessionStorage.setItem(KEY, JSON.stringify({ accessToken: token, accessTokenExpiresAt: expiry(token) }));
  history.replaceState(null, '', `${location.pathname}#/`);
}

export function session(): Session | undefined {
  const kept = sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);
  return kept === null ? undefined : (JSON.parse(kept) as Session);
}

export function signedIn(fresh: Session): void {
  sessionStorage.removeItem(KEY);
  localStorage.setItem(KEY, JSON.stringify(fresh));
  changed.dispatchEvent(new Event('change'));
}

export function signedOut(): void {
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(KEY);
  changed.dispatchEvent(new Event('change'));
}

/** Called when somebody signs in or out, in this tab or another. */
export function onSession(listener: () => void): () => void {
  changed.addEventListener('change', listener);
  addEventListener('storage', listener);
  return () => {
    changed.removeEventListener('change', listener);
    removeEventListener('storage', listener);
  };
}

/** A token that is good for a while yet; undefined: sign in. */
export async function freshToken(): Promise<string | undefined> {
  const now = session();
  if (!now?.refreshToken || !isStale(now)) return now?.accessToken;
  return navigator.locks.request('baton:refresh', async () => {
    const newest = session(); // another tab may have been first
    if (!newest?.refreshToken || !isStale(newest)) return newest?.accessToken;
    return refresh(newest.refreshToken);
  });
}

const REFRESH = `mutation Refresh($token: String!) {
  refreshSession(input: { refreshToken: $token }) {
    ... on SignInSuccess { session { accessToken accessTokenExpiresAt refreshToken } }
  }
}`;

async function refresh(token: string): Promise<string | undefined> {
  const answer = await fetch('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: REFRESH, variables: { token } }),
  });
  if (!answer.ok) throw new Error('The server cannot be reached.'); // the token may still be good
  const { data } = (await answer.json()) as { data?: { refreshSession: { session?: Session } } };
  if (data === undefined) throw new Error('The server cannot be reached.');
  const fresh = data.refreshSession.session;
  if (fresh) signedIn(fresh);
  else signedOut();
  return fresh?.accessToken;
}

function isStale({ accessTokenExpiresAt }: Session): boolean {
  return Date.parse(accessTokenExpiresAt) - EARLY_MS < Date.now();
}

function expiry(token: string): string {
  try {
    const claims = JSON.parse(atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/'))) as { exp: number };
    return new Date(claims.exp * 1_000).toISOString();
  } catch {
    return new Date().toISOString();
  }
}
