// A printer without hardware: a stand-in for Klipper with the extra, a real Moonraker with the component, and the real agent.

import { existsSync, readdirSync, symlinkSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";

import { ROOT, SEALPOST } from "./parts.mjs";
import { run, start } from "./service.mjs";

const PYTHON = process.env.SEALPOST_TEST_PYTHON ?? path.join(ROOT, ".cache/python/bin/python");
const AGENT = process.env.SEALPOST_PRINTER_BIN ?? path.join(path.dirname(SEALPOST), "sealpost-printer");

/** Starts one; `rate` is how many commands a second it executes, 0 for as many as it can. */
export async function startPrinter(folder, { rate = 0 } = {}) {
  const data = path.join(folder, "printer_data");
  for (const name of ["config", "gcodes", "logs", "comms", "database", "run"]) await mkdir(path.join(data, name), { recursive: true });
  const klipper = await startKlipper(data, rate);
  await addComponent();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const socket = path.join(data, "comms/sealpost-agent.sock");
  await writeFile(
    path.join(data, "config/moonraker.conf"),
    `[server]\nhost: 127.0.0.1\nport: ${port}\nklippy_uds_address: ${data}/comms/klippy.sock\n\n` +
      "[machine]\nprovider: none\nvalidate_service: False\nvalidate_config: False\n\n" +
      "[authorization]\nforce_logins: False\ntrusted_clients:\n    127.0.0.1\n\n" +
      "[file_manager]\nenable_object_processing: False\n\n[history]\n\n" +
      `[lmnt_marketplace_plugin]\nagent_socket: ${socket}\n\n[encrypted_print]\n`,
  );
  const moonraker = await start(PYTHON, ["-m", "moonraker", "-d", data], "Klippy ready");
  const config = path.join(folder, "printer.toml");
  const settings = {
    state_dir: path.join(folder, "agent/state"),
    cache_dir: path.join(folder, "agent/cache"),
    gcodes_dir: path.join(data, "gcodes"),
    moonraker_url: url,
    agent_socket: socket,
  };
  await writeFile(config, Object.entries(settings).map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`).join(""));
  const running = [klipper, moonraker];
  return {
    /** Begins to pair: the code that the printer shows, and the `link` of its picture for phones; `shortCode` waits for the number to compare, `done` for the end. */
    async pair(store) {
      const pairing = await start(AGENT, ["--config", config, "pair", "--store", store.url], CODE);
      running.push(pairing);
      const code = CODE.exec(pairing.line)[0];
      const shortCode = pairing.waitFor(/\b\d{3}-\d{3}\b/).then((line) => /\b\d{3}-\d{3}\b/.exec(line)[0]);
      const link = LINK.exec(await pairing.waitFor(LINK))[0];
      return { code, link, shortCode: () => shortCode, done: () => pairing.ended };
    },
    async run() {
      running.push(await start(AGENT, ["--config", config, "run"], "ready"));
    },
    async stop() {
      for (const each of running.reverse()) await each.stop();
    },
  };
}

const CODE = /\b[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}\b/;

const LINK = /https?:\S+#\S+/;

async function startKlipper(data, rate) {
  const template = await readFile(path.join(ROOT, "tests/klipper_host/printer.cfg.in"), "utf8");
  const config = path.join(data, "config/printer.cfg");
  await writeFile(config, template.replace("@GCODES@", path.join(data, "gcodes")));
  const args = ["-m", "klipper_host", "--config", config, "-a", path.join(data, "comms/klippy.sock")];
  args.push("-l", path.join(data, "logs/klippy.log"), "--extras", path.join(ROOT, "klipper"), "--rate", String(rate));
  return start(PYTHON, args, "", { PYTHONPATH: path.join(ROOT, "tests"), PYTHONUNBUFFERED: "1" });
}

/** Links the component into Moonraker's, as the installer does. */
async function addComponent() {
  const folder = (await run(PYTHON, ["-c", "import moonraker.components as c; print(list(c.__path__)[0])"])).trim();
  for (const entry of readdirSync(path.join(ROOT, "moonraker"), { withFileTypes: true })) {
    if (!entry.isDirectory() && !entry.name.endsWith(".py")) continue;
    const link = path.join(folder, entry.name);
    if (!existsSync(link)) symlinkSync(path.join(ROOT, "moonraker", entry.name), link);
  }
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
