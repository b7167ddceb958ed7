// Whether news comes in. A short cut is nobody's business: only one that lasts is shown.
import { useSyncExternalStore } from 'react';

const PATIENCE_MS = 1_500;
const listeners = new Set<() => void>();
let isCut = false;
let timer: ReturnType<typeof setTimeout> | undefined;

function set(cut: boolean): void {
  clearTimeout(timer);
  timer = undefined;
  if (cut === isCut) return;
  isCut = cut;
  for (const listener of listeners) listener();
}

export const connection = {
  up: () => set(false),
  down: () => {
    timer ??= setTimeout(() => set(true), PATIENCE_MS);
  },
};

export function useIsCut(): boolean {
  return useSyncExternalStore(subscribe, () => isCut);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
