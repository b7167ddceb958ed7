const kept = 200;

// GraphiQL shows the last result of a subscription only; a run is over within moments, and what it did would be
// gone. So each result shown here holds those before it, the newest first, and an error does not wipe them.
export function withHistory(results) {
  const inner = results[Symbol.asyncIterator]();
  const shown = { received: 0, results: [] };
  let over = false;

  function show(result) {
    shown.received += 1;
    shown.results = [result, ...shown.results].slice(0, kept);
    return { done: false, value: { ...shown } };
  }

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      if (over) return { done: true, value: undefined };
      try {
        const step = await inner.next();
        return step.done ? step : show(step.value);
      } catch (error) {
        over = true;
        return show({ errors: problems(error) });
      }
    },
    return() {
      over = true;
      return inner.return();
    },
  };
}

function problems(error) {
  if (Array.isArray(error)) return error;
  if (error instanceof CloseEvent) return [{ message: `The socket was closed: ${error.code} ${error.reason}`.trim() }];
  return [{ message: error instanceof Error ? error.message : String(error) }];
}
