// Where things are.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import path from "node:path";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const TARGET = path.resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target");

/** The program under test. */
export const SEALPOST = process.env.SEALPOST_BIN ?? path.join(TARGET, "debug/sealpost");
/** The example plugin and its manifest. */
export const PLUGIN = process.env.SEALPOST_PLUGIN ?? path.join(TARGET, "plugins/gcode-insight.wasm");
export const MANIFEST = path.join(ROOT, "plugins/gcode-insight/manifest.json");
export const PLUGIN_ID = "org.sealpost.gcode-insight";
/** A sliced part. */
export const GCODE = path.join(ROOT, "tests/parts/seal-post.gcode");
/** Where pictures of the pages go. */
export const PICTURES = path.join(ROOT, "target/browser");

for (const file of [SEALPOST, PLUGIN]) {
  if (!existsSync(file)) throw new Error(`${file} is missing: run the suite by \`cargo xtask test browser\``);
}
