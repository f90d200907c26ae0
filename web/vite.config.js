import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

const sdk = (name) => fileURLToPath(new URL(`../sdk/${name}/index.js`, import.meta.url));
const store = process.env.SEALPOST_STORE ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "/shop/",
  plugins: [svelte()],
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
  server: {
    proxy: Object.fromEntries(["/api", "/auth", "/ipfs"].map((path) => [path, store])),
  },
});
