// Says when a print ends or needs somebody, as the browser does, while any page of the shop is open.

import type { Job, JobPage } from "../printers/api";
import { ask, path } from "./ask";
import { live } from "./live.svelte";
import { go, to } from "./router.svelte";
import { isolated } from "./words";

const KEPT = "sealpost-notify";
/** Until when this browser knows what happened: what is later was missed, what is earlier is no news after a reload. */
const SEEN = "sealpost-notify-seen";

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
    if (state === "on") await again({ quietly: true });
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
async function again({ quietly = false } = {}) {
  if (state !== "on") return;
  const seen = localStorage.getItem(SEEN);
  const page = await ask<JobPage>("GET", path(["jobs"], { limit: 50 })).catch(() => undefined);
  for (const job of page?.jobs ?? []) heard(job, quietly || seen === null ? "9" : seen);
}

/** Nothing is said of a print that was not known before and that stands so since before `seen`. */
function heard(job: Job, seen = localStorage.getItem(SEEN) ?? "") {
  if (job.role !== "buyer") return;
  const before = known.get(job.id);
  known.set(job.id, job.state);
  if (state !== "on") return;
  if (job.updated_at > (localStorage.getItem(SEEN) ?? "")) localStorage.setItem(SEEN, job.updated_at);
  const words = WORDS[job.state];
  const isNews = before === undefined ? job.updated_at > seen : before !== job.state;
  if (words && isNews && live.speaks) show(job, words);
}

function show(job: Job, words: string) {
  try {
    // A seller's letters that run the other way turn none of ours.
    const shown = new Notification(`${isolated(job.title)} ${words}`, {
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
