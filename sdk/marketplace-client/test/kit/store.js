// A real store, where the environment names its program: SEALPOST_BIN.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { MarketplaceClient } from "../../index.js";

export const program = process.env["SEALPOST_BIN"];

/** Starts a store of its own; `stop` ends it. */
export async function startStore() {
  const folder = await mkdtemp(join(tmpdir(), "sealpost-client-"));
  const args = ["serve", "--listen", "127.0.0.1:0", "--data", join(folder, "data"), "--setup-link-file", join(folder, "link")];
  const child = spawn(String(program), args, { stdio: ["ignore", "ignore", "pipe"] });
  const origin = await Promise.race([
    listening(child.stderr),
    once(child, "exit").then(() => Promise.reject(new Error("the store ended before it answered"))),
  ]);
  return {
    origin,
    /** Makes the first operator and gives its client. */
    async operator() {
      const setup_token = (await readFile(join(folder, "link"), "utf8")).trim().split("#")[1];
      const who = { email: "operator@example.org", password: "operating, for now" };
      const body = JSON.stringify({ setup_token, ...who });
      const headers = { "content-type": "application/json" };
      const answer = await fetch(`${origin}/api/v1/setup`, { method: "POST", headers, body });
      if (!answer.ok) throw new Error(await answer.text());
      const client = new MarketplaceClient({ store: origin });
      await client.login(who);
      return client;
    },
    /** @param {string} name */
    async person(name) {
      const client = new MarketplaceClient({ store: origin });
      await client.register({ email: `${name}@example.org`, password: `a password for ${name}` });
      return client;
    },
    async stop() {
      child.kill("SIGTERM");
      if (child.exitCode === null) await once(child, "exit");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * @param {import("node:stream").Readable} output
 * @returns {Promise<string>}
 */
function listening(output) {
  return new Promise((resolve) => {
    // Read on afterwards: a store must not wait for a reader of its log.
    createInterface(output).on("line", (line) => {
      const address = /^listening on (\S+)/.exec(line)?.[1];
      if (address) resolve(address);
    });
  });
}
