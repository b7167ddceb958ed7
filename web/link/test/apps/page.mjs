// A page for React in Node. Import it before react-dom, which looks for one when it is loaded.
import { Window } from 'happy-dom';
import WebSocket from 'ws';

const window = new Window({ url: 'http://localhost/' });
Object.assign(globalThis, { window, document: window.document });
globalThis.navigator ??= window.navigator; // Node 20 has neither
globalThis.WebSocket ??= WebSocket; // graphql-ws and Apollo's link to it look there

export const root = window.document.body.appendChild(window.document.createElement('div'));

/** What the page shows of each run: the events' numbers, and its state as text. */
export function shown() {
  return [...root.querySelectorAll('article')].map((article) => ({
    id: article.id,
    isOver: article.getAttribute('data-over') === 'true',
    events: [...article.querySelectorAll('li')].map((item) => Number(item.textContent)),
    opened: Number(article.getAttribute('data-opened')),
    resets: article.getAttribute('data-resets'),
    problem: article.getAttribute('data-problem'),
    state: JSON.parse(article.querySelector('output')?.textContent || 'null'),
  }));
}
