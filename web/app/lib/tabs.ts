// One of the open pages of the shop speaks with the store for all of them: a browser allows six connections to one host, and an event
// stream takes one for as long as it lasts.

/** How long a page that speaks for the others may say nothing. */
const PATIENCE_MS = 60_000;

/**
 * Calls `speak` when this page is to speak for all, and what it gives back when it is not any more; ends when the returned function is
 * called. Where the browser cannot share, each page speaks for itself.
 */
export function oneOfAll(name: string, speak: () => () => void): { heard: () => void; end: () => void } {
  const ended = new AbortController();
  if (!navigator.locks || typeof BroadcastChannel === "undefined") {
    const silence = speak();
    return { heard: () => {}, end: silence };
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  let speaks = false;

  function want(steal: boolean) {
    const options = steal ? { steal } : { signal: ended.signal };
    navigator.locks
      .request(name, options, async () => {
        if (ended.signal.aborted) return;
        clearTimeout(timer);
        speaks = true;
        const silence = speak();
        stop = silence;
        await new Promise<void>((resolve) => ended.signal.addEventListener("abort", () => resolve(), { once: true }));
        silence();
      })
      .catch(() => {
        // Ended, or another page took over because this one slept.
        if (ended.signal.aborted || !speaks) return;
        speaks = false;
        stop();
        heard();
        want(false);
      });
  }

  let stop = () => {};

  /** The page that speaks is alive. */
  function heard() {
    clearTimeout(timer);
    if (speaks || ended.signal.aborted) return;
    timer = setTimeout(() => {
      if (document.visibilityState === "visible") want(true);
      else heard();
    }, PATIENCE_MS);
  }

  want(false);
  heard();
  return {
    heard,
    end() {
      clearTimeout(timer);
      ended.abort();
    },
  };
}
