// Messages that are being written, by id: their text so far.
import type { Talk } from '../documents';

export type Writing = Readonly<Record<string, string>>;

/** A delta says where it begins: one at 0 begins the message anew, as after a crash of its worker. */
export function heard(writing: Writing, event: Talk): Writing {
  switch (event.__typename) {
    case 'MessageDelta': {
      const before = [...(writing[event.messageId] ?? '')].slice(0, event.offset).join('');
      return { ...writing, [event.messageId]: before + event.text };
    }
    case 'MessageCompleted': {
      const { [event.message.id]: _, ...others } = writing;
      return others;
    }
    default:
      return writing;
  }
}
