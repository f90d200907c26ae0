// One connection to the store's events, made again whenever it is lost.

/** Milliseconds before the first and the last kind of new try. */
const RETRY = { first: 500, most: 15_000 };
/** So many heartbeats may be missing before a connection counts as dead: some proxies and sleeping machines never say so. */
const MISSED = 3;

export interface Told {
  event: string;
  data: unknown;
}

/** Calls `told` with each event, and `lost` whenever the connection is; gives back what ends it. */
export function connect(events: readonly string[], told: (told: Told) => void, lost: () => void): () => void {
  let source: EventSource | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;
  let wait = RETRY.first;
  let beat = 15_000;
  let over = false;

  function open() {
    clearTimeout(again);
    again = undefined;
    source = new EventSource("/api/v1/events");
    for (const event of [...events, "ping"]) source.addEventListener(event, (message) => heard(event, message));
    // The browser's own new tries end at the first answer that is not 200, and know no back-off.
    source.addEventListener("error", retry);
    listen();
  }

  function heard(event: string, message: MessageEvent<string>) {
    listen();
    const data: unknown = JSON.parse(message.data || "{}");
    if (event === "hello") {
      wait = RETRY.first;
      const { heartbeat_s } = data as { heartbeat_s?: number };
      if (heartbeat_s) beat = heartbeat_s * 1000;
    }
    told({ event, data });
  }

  function listen() {
    clearTimeout(silence);
    silence = setTimeout(retry, beat * MISSED);
  }

  function retry() {
    source?.close();
    clearTimeout(silence);
    if (over || again !== undefined) return;
    lost();
    again = setTimeout(open, wait * (0.75 + Math.random() / 2));
    wait = Math.min(wait * 2, RETRY.most);
  }

  /** A device that is back, or looked at again, need not wait. */
  function now() {
    if (!over && again !== undefined && document.visibilityState === "visible") open();
  }

  window.addEventListener("online", now);
  document.addEventListener("visibilitychange", now);
  open();
  return () => {
    over = true;
    source?.close();
    clearTimeout(again);
    clearTimeout(silence);
    window.removeEventListener("online", now);
    document.removeEventListener("visibilitychange", now);
  };
}
