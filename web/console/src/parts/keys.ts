// Shortcuts: one key, or `g` and another within a second. Whoever writes in a field is left alone.
import { useEffect, useRef } from 'react';

const SECOND_KEY_MS = 1_000;

export function useKeys(shortcuts: Record<string, () => void>): void {
  const newest = useRef(shortcuts);
  newest.current = shortcuts;
  useEffect(() => {
    let first = { key: '', at: 0 };
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
      const isSecond = event.timeStamp - first.at < SECOND_KEY_MS;
      const action = newest.current[isSecond ? `${first.key} ${event.key}` : event.key];
      first = { key: event.key, at: action ? 0 : event.timeStamp };
      if (!action) return;
      event.preventDefault();
      action();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName));
}
