// Says when a print ends or needs somebody, as the browser does, while any page of the shop is open.

import type { Job, JobPage } from "../printers/api";
import { ask, path } from "./ask";
import { live } from "./live.svelte";
import { go, to } from "./router.svelte";

const KEPT = "sealpost-notify";
/** An end that was not seen coming is told of if it is this young: the page was away meanwhile. */
const YOUNG_MS = 120_000;

const WORDS: Partial<Record<Job["state"], string>> = {
  success: "is printed",
  failure: "failed",
  cancelled: "was cancelled",
  expired: "expired: no printer took it",
  interrupted: "needs you: nobody knows how it went",
  paused: "is paused and may need you",
};

type State = "cannot" | "may-ask" | "on" | "refused";

let state = $state<State>(look());
/** As each print stood when it was last told of. */
const known = new Map<string, Job["state"]>();
let began = false;

export const notify = {
  get state(): State {
    return state;
  },
  /** To be called in a click alone. */
  async turnOn() {
    if ((await Notification.requestPermission()) === "granted") localStorage.setItem(KEPT, "on");
    state = look();
    if (state === "on") await again();
  },
  turnOff() {
    localStorage.removeItem(KEPT);
    state = look();
  },
};

/** From now on; what is on is what the person chose here before. */
export function begin() {
  if (began) return;
  began = true;
  live.on("hello", () => void again());
  live.on("job", (data) => heard(data as Job));
}

/** What happened while nothing was heard. */
async function again() {
  if (state !== "on") return;
  const page = await ask<JobPage>("GET", path(["jobs"], { limit: 50 })).catch(() => undefined);
  for (const job of page?.jobs ?? []) heard(job);
}

function heard(job: Job) {
  if (job.role !== "buyer") return;
  const before = known.get(job.id);
  known.set(job.id, job.state);
  if (state !== "on" || before === job.state || !live.speaks) return;
  const words = WORDS[job.state];
  const young = Date.now() - Date.parse(job.updated_at) < YOUNG_MS;
  if (words && (before !== undefined || young)) show(job, words);
}

function show(job: Job, words: string) {
  try {
    const shown = new Notification(`${job.title} ${words}`, {
      body: `On ${job.printer_name}`,
      // Another page of the shop that says the same says it in the same place.
      tag: `${job.id} ${job.state}`,
    });
    shown.onclick = () => {
      window.focus();
      go(to("jobs", job.id));
      shown.close();
    };
  } catch {
    // Some browsers only let workers do that.
    state = "cannot";
  }
}

function look(): State {
  if (typeof Notification === "undefined" || !isSecureContext) return "cannot";
  if (Notification.permission === "denied") return "refused";
  return Notification.permission === "granted" && localStorage.getItem(KEPT) === "on" ? "on" : "may-ask";
}
