// A real `sealpost serve` in a folder of its own, and the people in it.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { SEALPOST } from "./parts.mjs";
import { run, start } from "./service.mjs";

export const PASSWORD = "correct horse battery staple";

/** A store that answers, on a free port, with further settings; `stop` ends it and removes its folder. */
export async function startStore({ config } = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), "sealpost-browser-"));
  const link = path.join(folder, "setup-link");
  const args = ["serve", "--data", path.join(folder, "data"), "--listen", "127.0.0.1:0", "--setup-link-file", link];
  if (config) {
    await writeFile(path.join(folder, "sealpost.toml"), config);
    args.push("--config", path.join(folder, "sealpost.toml"));
  }
  const listen = () => start(SEALPOST, args, "listening on http://", { RUST_LOG: "warn" });
  let service = await listen();
  const url = /http:\/\/[\d.:]+/.exec(service.line)[0];
  // Where it is once, it comes back.
  args[args.indexOf("--listen") + 1] = new URL(url).host;
  return {
    url,
    folder,
    /** Kills the process as it stands. */
    kill: () => service.kill(),
    /** Starts it again at the same address. */
    async again() {
      service = await listen();
    },
    async stop() {
      await service.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Asks the store as a person, or as nobody; a refusal is an error with the problem in it. */
export async function ask(store, method, route, { token, body } = {}) {
  const answer = await fetch(store.url + route, {
    method,
    headers: { ...(body && { "content-type": "application/json" }), ...(token && { authorization: `Bearer ${token}` }) },
    body: body && JSON.stringify(body),
  });
  const read = answer.status === 204 ? undefined : await answer.json();
  if (!answer.ok) throw new Error(`${method} ${route}: ${answer.status} ${JSON.stringify(read)}`);
  return read;
}

/** Somebody who registered in the page, beside it. */
export async function signIn(store, name) {
  const body = { email: `${name}@example.org`, password: PASSWORD };
  const { token } = await ask(store, "POST", "/auth/login", { body });
  return { token, ask: (method, route, body) => ask(store, method, route, { token, body }) };
}

/** Somebody new at the command line, with a folder of their own for sign-in and wallet. */
export async function atCommandLine(store, name) {
  const env = { SEALPOST_CONFIG_DIR: path.join(store.folder, name), SEALPOST_STORE: store.url };
  const sealpost = (args, input) => run(SEALPOST, args, { env, input });
  const email = `${name}@example.org`;
  await sealpost(["register", "--email", email, "--username", name, "--password-file", "-"], `${PASSWORD}\n`);
  return { name, email, sealpost, ...(await signIn(store, name)) };
}
