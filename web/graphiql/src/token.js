const key = 'baton:token';

// A link may carry a token as `#token=…`: a fragment reaches neither a server nor its logs. It is kept for
// this tab alone, so that a reload stays signed in, and leaves the address bar at once.
export function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token) {
    sessionStorage.setItem(key, token);
    history.replaceState(history.state, '', location.pathname + location.search);
  }
  return token ?? sessionStorage.getItem(key);
}

// A second link opened in the same tab changes the fragment only.
addEventListener('hashchange', () => location.reload());

export function headersOf(token) {
  return JSON.stringify(token ? { Authorization: `Bearer ${token}` } : {}, null, 2);
}
