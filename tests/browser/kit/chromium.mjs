// Debian's Chromium, and what can be seen of a page from outside it.

import { mkdir } from "node:fs/promises";
import path from "node:path";
import { chromium } from "playwright-core";

import { PICTURES } from "./parts.mjs";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launch() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: FLAGS });
}

/** A fresh browser profile with one page; all it sends, prints and instantiates is recorded. */
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(20_000);
  const seen = { requests: [], console: [], errors: [] };
  context.on("request", (request) => seen.requests.push(request));
  context.on("console", (message) => seen.console.push(message));
  context.on("weberror", (error) => seen.errors.push(error.error()));
  await context.addInitScript(countWebAssembly);
  const page = await context.newPage();
  return { context, page, seen };
}

/** What the page asked of WebAssembly, in order: `compile`, `instantiate`, `Module`... */
export function instantiated(page) {
  return page.evaluate(() => globalThis.webAssemblyCalls);
}

/** The picture lies in `target/browser`, for people. */
export async function picture(page, name) {
  await mkdir(PICTURES, { recursive: true });
  await page.screenshot({ path: path.join(PICTURES, `${name}.png`), fullPage: true });
}

/** Runs in the page, before its own scripts. */
function countWebAssembly() {
  const calls = [];
  globalThis.webAssemblyCalls = calls;
  for (const name of ["compile", "instantiate", "compileStreaming", "instantiateStreaming"]) {
    const original = WebAssembly[name];
    WebAssembly[name] = function (...args) {
      calls.push(name);
      return original.apply(this, args);
    };
  }
  for (const name of ["Module", "Instance"]) {
    WebAssembly[name] = new Proxy(WebAssembly[name], {
      construct(target, args, self) {
        calls.push(name);
        return Reflect.construct(target, args, self);
      },
    });
  }
}
