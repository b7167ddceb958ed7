import { isObject } from './reasons.js';
export const TERMINAL = 'TERMINAL';
const OPENED = 'StreamOpened';
const CLOSED = 'StreamClosed';
/** Where the stream stands with this message. */
export function cursorOf({ extensions }) {
    const cursor = isObject(extensions) ? extensions['cursor'] : undefined;
    return typeof cursor === 'string' ? cursor : undefined;
}
/** Whether the first message of a stream is its StreamOpened: always, but for errors, or where its name says otherwise. */
export function isOpening(message) {
    const name = frameOf(message)?.['__typename'] ?? OPENED;
    return name === OPENED && cursorOf(message) !== undefined;
}
/** The reason, where the message is the stream's StreamClosed. Throws where the document doesn't select it. */
export function closeReason(message) {
    const frame = frameOf(message);
    const name = frame?.['__typename'] ?? CLOSED;
    if (frame === undefined || name !== CLOSED)
        return undefined;
    const reason = frame['reason'];
    if (typeof reason === 'string')
        return reason;
    if ('__typename' in frame)
        throw unreadable();
    return undefined;
}
/** Without the reason an end can't be told from a cut, and the link would come back for ever. */
export function checkClosing(query) {
    if (!query.includes(CLOSED))
        throw unreadable();
}
function frameOf({ data }) {
    return Object.values(data ?? {}).find(isObject);
}
function unreadable() {
    return new Error(`A resumable subscription must select "... on ${CLOSED} { reason }".`);
}
