// What jobs and printers are called.

import { duration, number } from "../lib/words";
import type { Job, JobState, Printer, Step } from "./api";

const STATES: Record<JobState, string> = {
  sealing: "Being sealed",
  ready_to_print: "Waits for the printer",
  processing: "The printer prepares",
  printing: "Printing",
  paused: "Paused",
  success: "Printed",
  failure: "Failed",
  cancelled: "Cancelled",
  expired: "Expired",
  interrupted: "Outcome unknown",
};

export const FINAL: ReadonlySet<JobState> = new Set(["success", "failure", "cancelled", "expired"]);

export function stateOf(job: Job): string {
  return job.cancel_requested && !FINAL.has(job.state) ? "Asked to stop" : STATES[job.state];
}

export function kindOf({ state }: Job): "plain" | "good" | "bad" | "note" {
  if (state === "success" || state === "printing") return "good";
  if (state === "failure" || state === "interrupted") return "bad";
  return state === "paused" ? "note" : "plain";
}

/** Whether no printer has it yet. */
export function waits({ state }: Job): boolean {
  return state === "sealing" || state === "ready_to_print";
}

/** Whether there may be something to stop: a printer that says itself that it lost the print has nothing. */
export function mayStop({ state, reason }: Job): boolean {
  return !FINAL.has(state) && (state !== "interrupted" || reason?.code === "printer_silent");
}

/** Whether a bar says something about it. */
export function moves({ state }: Job): boolean {
  return state === "printing" || state === "paused" || state === "processing" || state === "sealing";
}

export function percent({ progress_permille }: Job): number {
  return Math.floor(progress_permille / 10);
}

/** Such as `42 % · layer 84 of 200 · 1 h 5 min left · 3.2 m filament`. */
export function progressOf(job: Job): string {
  const parts: string[] = [];
  if (job.state === "printing" || job.state === "paused") {
    parts.push(`${percent(job)} %`);
    if (job.layer != null) parts.push(job.layers ? `layer ${job.layer} of ${job.layers}` : `layer ${job.layer}`);
    if (job.remaining_s != null) parts.push(job.remaining_s < 60 ? "less than a minute left" : `${duration(job.remaining_s)} left`);
  } else if (job.estimated_s && !FINAL.has(job.state) && job.state !== "interrupted") {
    parts.push(`takes about ${duration(job.estimated_s)}`);
  }
  if (job.filament_used_mm_x100) parts.push(`${filament(job.filament_used_mm_x100)} of filament`);
  return parts.join(" · ");
}

export function filament(mm_x100: number): string {
  const metres = mm_x100 / 100_000;
  return metres < 0.1 ? `${number(mm_x100 / 100)} mm` : `${number(metres, 2)} m`;
}

/** Maker, model, or nothing. */
export function modelOf({ manufacturer, model }: { manufacturer?: string; model?: string }): string {
  return [manufacturer, model].filter(Boolean).join(" ");
}

export function standingOf(printer: Printer): { text: string; kind: "plain" | "good" | "bad" | "note" } {
  if (!printer.online) return { text: "Offline", kind: "plain" };
  return { text: "Online", kind: "good" };
}

const STEPS: Record<string, string> = {
  created: "Ordered",
  sealed: "Sealed for this printer alone",
  sealed_anew: "Sealed anew",
  key_released: "Key given to the printer",
  processing: "The printer fetched and checks it",
  starting: "The print begins",
  printing: "Printing",
  paused: "Paused",
  stop_asked: "Asked to stop",
  interrupted: "The store lost sight of it",
  decided: "Somebody decided how it went",
  success: "Printed",
  failure: "Failed",
  cancelled: "Cancelled",
  expired: "Expired",
};

const WHO: Record<Step["by"], string> = {
  buyer: "by its buyer",
  publisher: "by its seller",
  operator: "by the shop",
  printer: "",
  store: "",
};

/** What was said twice at once, by the printer and of the print, is told once. */
export function eachOnce(steps: Step[]): Step[] {
  return steps.filter((step, place) => step.what !== "interrupted" || steps[place - 1]?.what !== "interrupted");
}

/** What happened; a print that goes on after a pause is not one that begins. */
export function stepOf(step: Step, before: Step | undefined): string {
  if (step.what === "printing" && before?.what === "paused") return "Goes on";
  if (step.what === "interrupted" && step.by === "printer") return "The printer does not know how it went";
  return STEPS[step.what] ?? step.what;
}

export const whoOf = (step: Step) => WHO[step.by];
