// What happens at the store, as it happens: one stream for all open pages of the shop. `hello` comes at each connection, and means: ask for
// everything again.

import { ask } from "./ask";
import { connect, type Told } from "./source";
import { oneOfAll } from "./tabs";

export type LiveEvent = "hello" | "job" | "printer" | "sale" | "notice";

type Listener = (data: unknown) => void;
/** What pages say to each other. */
type Word = { kind: "told"; told: Told } | { kind: "state"; on: boolean } | { kind: "who" };

const EVENTS: LiveEvent[] = ["hello", "job", "printer", "sale", "notice"];

const listeners = new Map<string, Set<Listener>>(EVENTS.map((event) => [event, new Set()]));
let state = $state<"off" | "connecting" | "on">("off");
let speaks = false;
let end: (() => void) | undefined;

export const live = {
  /** `connecting` also while a lost connection is made anew. */
  get state(): "off" | "connecting" | "on" {
    return state;
  },
  /** Whether this page speaks with the store for all open ones: what all would do is its to do. */
  get speaks(): boolean {
    return speaks;
  },
  /** Calls `listener` at each such event; gives back what ends that. */
  on(event: LiveEvent, listener: Listener): () => void {
    listeners.get(event)?.add(listener);
    return () => listeners.get(event)?.delete(listener);
  },
  start() {
    end ??= begin();
  },
  stop() {
    end?.();
    end = undefined;
    speaks = false;
    state = "off";
  },
};

function begin(): () => void {
  state = "connecting";
  const others = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel("sealpost-live");
  const say = (word: Word) => others?.postMessage(word);
  const place = oneOfAll("sealpost-live", () => {
    speaks = true;
    const close = connect(
      EVENTS,
      (told) => {
        say({ kind: "told", told });
        heard(told);
      },
      () => {
        state = "connecting";
        say({ kind: "state", on: false });
        // The stream does not say why it was refused; a session that is over is told to the page by this.
        void ask("GET", "/api/v1/me").catch(() => {});
      },
    );
    return () => {
      speaks = false;
      close();
    };
  });
  others?.addEventListener("message", ({ data: word }: MessageEvent<Word>) => {
    if (speaks) {
      if (word.kind === "who") say({ kind: "state", on: state === "on" });
      return;
    }
    place.heard();
    if (word.kind === "told") {
      // This page came after the hello.
      if (state !== "on" && word.told.event !== "hello") heard({ event: "hello", data: {} });
      heard(word.told);
    } else if (word.kind === "state") {
      if (word.on && state !== "on") heard({ event: "hello", data: {} });
      else if (!word.on) state = "connecting";
    }
  });
  say({ kind: "who" });
  return () => {
    place.end();
    others?.close();
  };
}

function heard({ event, data }: Told) {
  if (event === "hello") state = "on";
  for (const listener of listeners.get(event) ?? []) listener(data);
}
