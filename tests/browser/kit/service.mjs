// Programs that run beside a test and end with it.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

/** Milliseconds until a program that does not get ready counts as failed. */
const PATIENCE = 60_000;

/**
 * Starts a program and waits until a line of its output holds `ready`.
 *
 * @returns {Promise<{ line: string, stop: () => Promise<void> }>}
 */
export async function start(program, args, ready, env = {}) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const ended = once(child, "exit").catch((error) => [error.message]);
  const said = [];
  const heard = new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        said.push(line);
        if (line.includes(ready)) resolve(line);
      });
    }
  });
  const patience = AbortSignal.timeout(PATIENCE);
  const late = once(patience, "abort").then(() => "it stayed silent");
  const line = await Promise.race([heard, ended.then(([code]) => ({ code })), late.then((code) => ({ code }))]);
  if (typeof line !== "string") {
    kill();
    throw new Error(`${program} did not get ready (${line.code}):\n${said.slice(-20).join("\n")}`);
  }
  return {
    line,
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
