// Asking again and again, politely: slower with time, and not while nobody looks.

/** Milliseconds between questions, and from which age on. */
const PACES = [
  { from: 0, every: 2_000 },
  { from: 60_000, every: 5_000 },
  { from: 600_000, every: 20_000 },
];

/**
 * Asks at once, and again as long as the answer says so; when a page comes to the front again, at once.
 *
 * @returns what ends it
 */
export function poll(look: (signal: AbortSignal) => Promise<boolean>): () => void {
  const stop = new AbortController();
  const began = Date.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asking = false;
  let again = true;

  async function ask() {
    if (asking || !again || stop.signal.aborted || document.hidden) return;
    clearTimeout(timer);
    asking = true;
    // One that fails is told by whoever asks, and says nothing about the next.
    again = await look(stop.signal).catch(() => true);
    asking = false;
    const age = Date.now() - began;
    const pace = PACES.findLast(({ from }) => age >= from)?.every ?? 2_000;
    if (again && !stop.signal.aborted) timer = setTimeout(ask, pace);
  }

  const seen = () => void ask();
  document.addEventListener("visibilitychange", seen);
  void ask();
  return () => {
    stop.abort();
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", seen);
  };
}
