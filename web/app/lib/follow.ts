// Looks again when the store tells of something that changes what somebody has or sold: not at every step of a print, and not more than once
// a moment.

import { onDestroy } from "svelte";
import { live } from "./live.svelte";

/** Milliseconds in which what is told together is looked at once. */
const MOMENT = 400;

interface Job {
  id?: string;
  licence?: string;
  state?: string;
}

/** Calls `look` while the part of the page that calls this is there; with `licence` only for its prints. */
export function follow(look: () => unknown, licence?: string) {
  const states = new Map<string, string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const soon = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      look();
    }, MOMENT);
  };
  const ends = [
    live.on("hello", soon),
    live.on("notice", soon),
    live.on("sale", soon),
    live.on("job", (data) => {
      const { id = "", licence: of, state = "" } = data as Job;
      if (states.get(id) === state || (licence && of && of !== licence)) return;
      states.set(id, state);
      soon();
    }),
  ];
  onDestroy(() => {
    clearTimeout(timer);
    for (const end of ends) end();
  });
}
