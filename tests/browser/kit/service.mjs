// Programs that run beside a test and end with it.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

/** Milliseconds until a program that does not get ready counts as failed. */
const PATIENCE = 60_000;

/**
 * Starts a program and waits until a line of its output holds `ready`, or matches it; with an empty `ready`, until it runs.
 *
 * @returns {Promise<{ line: string, ended: Promise<number>, waitFor: (line: RegExp) => Promise<string>, kill: () => Promise<void>, stop: () => Promise<void> }>}
 */
export async function start(program, args, ready, env = {}) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const ended = once(child, "exit").catch((error) => [error.message]);
  const said = [];
  const waiting = new Set();
  const is = (line, wanted) => (wanted instanceof RegExp ? wanted.test(line) : line.includes(wanted));
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      said.push(line);
      for (const { wanted, resolve } of waiting) if (is(line, wanted)) resolve(line);
    });
  }
  /** A line that was said or will be. */
  const waitFor = async (wanted) => {
    const known = said.find((line) => is(line, wanted));
    if (known !== undefined) return known;
    const heard = new Promise((resolve) => waiting.add({ wanted, resolve }));
    const patience = AbortSignal.timeout(PATIENCE);
    const late = once(patience, "abort").then(() => "it stayed silent");
    const line = await Promise.race([heard, ended.then(([code]) => ({ code })), late.then((code) => ({ code }))]);
    if (typeof line === "string") return line;
    kill();
    throw new Error(`${program} did not get ready (${line.code}):\n${said.slice(-20).join("\n")}`);
  };
  const line = ready === "" ? "" : await waitFor(ready);
  return {
    line,
    waitFor,
    ended: ended.then(([code]) => code),
    async kill() {
      kill();
      await ended;
      process.removeListener("exit", kill);
    },
    async stop() {
      child.kill("SIGTERM");
      await ended;
      process.removeListener("exit", kill);
    },
  };
}

/** Runs a program to its end and gives what it printed; a failure is an error that holds what it said. */
export async function run(program, args, { env = {}, input } = {}) {
  const running = promisify(execFile)(program, args, {
    env: { ...process.env, ...env },
    maxBuffer: 64 << 20,
    encoding: "utf8",
  });
  // Programs that read nothing may have ended by now; whether they failed is told by how.
  running.child.stdin.on("error", () => {}).end(input ?? "");
  return (await running).stdout;
}
