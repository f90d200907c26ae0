// What happens at the store, as it happens: one stream for the whole page. `hello` comes at each connection, and means: ask for everything again.

export type LiveEvent = "hello" | "job" | "printer" | "sale" | "notice";

type Listener = (data: unknown) => void;

/** Milliseconds before the first and the last kind of new try. */
const RETRY = { first: 500, most: 15_000 };
const EVENTS: LiveEvent[] = ["hello", "job", "printer", "sale", "notice"];

const listeners = new Map<LiveEvent, Set<Listener>>(EVENTS.map((event) => [event, new Set()]));
let source: EventSource | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let wait = RETRY.first;
let wanted = false;
let state = $state<"off" | "connecting" | "on">("off");

export const live = {
  /** `connecting` also while a lost connection is made anew. */
  get state(): "off" | "connecting" | "on" {
    return state;
  },
  /** Calls `listener` at each such event; gives back what ends that. */
  on(event: LiveEvent, listener: Listener): () => void {
    listeners.get(event)?.add(listener);
    return () => listeners.get(event)?.delete(listener);
  },
  start() {
    if (wanted) return;
    wanted = true;
    connect();
  },
  stop() {
    wanted = false;
    clearTimeout(timer);
    source?.close();
    source = undefined;
    state = "off";
  },
};

function connect() {
  state = "connecting";
  source = new EventSource("/api/v1/events");
  for (const event of EVENTS) source.addEventListener(event, (message) => heard(event, message));
  // The browser's own new tries end at the first answer that is not 200, and know no back-off.
  source.addEventListener("error", () => {
    source?.close();
    if (!wanted) return;
    state = "connecting";
    timer = setTimeout(connect, wait * (0.75 + Math.random() / 2));
    wait = Math.min(wait * 2, RETRY.most);
  });
}

function heard(event: LiveEvent, message: MessageEvent<string>) {
  if (event === "hello") {
    state = "on";
    wait = RETRY.first;
  }
  const data: unknown = JSON.parse(message.data || "{}");
  for (const listener of listeners.get(event) ?? []) listener(data);
}
