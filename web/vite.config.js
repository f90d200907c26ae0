import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

const sdk = (name) => fileURLToPath(new URL(`../sdk/${name}/index.js`, import.meta.url));
const store = process.env.SEALPOST_STORE ?? "http://127.0.0.1:8080";

/** Below this many bytes a file is sent as fast whole. */
const WORTH_IT = 1024;

/** Lays each file compressed beside itself, as small as it gets: it is done once, the store only picks. */
function compressed() {
  let folder = "";
  return {
    name: "compressed",
    apply: "build",
    configResolved: (config) => void (folder = path.resolve(config.root, config.build.outDir)),
    async closeBundle() {
      const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
      for (const name of await readdir(folder, { recursive: true })) {
        if (!/\.(js|css|html|svg|wasm)$/.test(name)) continue;
        const file = path.join(folder, name);
        const whole = await readFile(file);
        if (whole.length < WORTH_IT) continue;
        await writeFile(`${file}.br`, await promisify(brotliCompress)(whole, brotli));
        await writeFile(`${file}.gz`, await promisify(gzip)(whole, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  base: "/shop/",
  plugins: [svelte(), compressed()],
  resolve: {
    // The sources beside us, not a copy: what the shop runs is what the packages' own tests run.
    alias: Object.fromEntries(
      ["plugin-sdk", "marketplace-loader", "marketplace-client"].map((name) => [`@sealpost/${name}`, sdk(name)]),
    ),
  },
  build: {
    outDir: "dist/shop",
    emptyOutDir: true,
    target: "es2022",
    // The policy allows nothing inline, data addresses neither.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  worker: { format: "es" },
  server: {
    proxy: Object.fromEntries(["/api", "/auth", "/ipfs"].map((path) => [path, store])),
  },
});
