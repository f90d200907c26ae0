import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { accessible, SIZES } from "./kit/axe.mjs";
import { launch, openPage, picture } from "./kit/chromium.mjs";
import { addPrinter, order, sellPart, take } from "./kit/farm.mjs";
import { atCommandLine, PASSWORD, startStore } from "./kit/store.mjs";

const PRINTERS = 100;
/** How each of them ends, by its number. */
const endOf = (n) => ["success", "success", "failure", "cancelled"][n % 4];
const END = { success: ["success", {}], failure: ["failure", { message: "nozzle_clogged: the nozzle is clogged" }], cancelled: ["cancelled", {}] };

describe("a hundred prints at the same time", () => {
  let store, browser, owner, licence, jobs;

  before(async () => {
    store = await startStore({ config: "heartbeat_s = 1\n" });
    browser = await launch();
    const part = await sellPart(store);
    owner = await atCommandLine(store, "owner");
    licence = await take(owner, part.listing);
    jobs = [];
    for (let n = 0; n < PRINTERS; n += 1) {
      const printer = await addPrinter(store, owner, `Printer ${n}`);
      const job = await order(owner, licence, printer);
      jobs.push({ ...job, printer, n });
    }
  });
  after(async () => {
    await browser?.close();
    await store?.stop();
  });

  test("are followed as they go, without a question, and over a restart of the store", async () => {
    const { page, seen, context } = await openPage(browser, SIZES.desk);
    await enter(page, store, "owner");
    await page.goto(`${store.url}/shop/jobs`);
    await page.locator("[data-job]").nth(PRINTERS - 1).waitFor();
    await page.waitForLoadState("load");
    await accessible(page);

    const before = asked(seen, store).length;
    await all(jobs, async ({ id, printer }) => {
      await printer.claim(id);
      await printer.report(id, "printing", { progress_permille: 1, layer: 1 });
    });
    for (let step = 1; step <= 8; step += 1) {
      await all(jobs, ({ id, printer }) => printer.report(id, "printing", { progress_permille: step * 100, layer: step * 2, print_duration: step * 10 }));
    }
    const row = ({ id }) => page.locator(`[data-job="${id}"]`);
    await row(jobs[0]).getByText("80 % · layer 16 of 21").waitFor();
    await row(jobs[PRINTERS - 1]).getByText("80 % · layer 16 of 21").waitFor();
    await picture(page, "printers-hundred");
    assert.deepEqual(asked(seen, store).slice(before), [], "nothing was asked while a hundred printers spoke");

    const last = jobs.slice(PRINTERS - 10);
    await all(jobs.slice(0, PRINTERS - 10), ({ id, printer, n }) => printer.report(id, ...END[endOf(n)]));
    for (const job of jobs.slice(0, PRINTERS - 10)) {
      await page.locator(`[data-job="${job.id}"][data-state="${endOf(job.n)}"]`).waitFor();
    }
    assert.deepEqual(asked(seen, store).slice(before), [], "nor while they ended");
    await row(jobs[2]).getByText("The nozzle is clogged.").waitFor({ state: "attached" });

    await store.kill();
    await page.getByText("Connecting to the store…").waitFor();
    await store.again();
    await page.getByText("Connecting to the store…").waitFor({ state: "hidden" });
    const back = asked(seen, store).length;
    await all(last, ({ id, printer }) => printer.report(id, "success"));
    for (const job of last) await page.locator(`[data-job="${job.id}"][data-state="success"]`).waitFor();
    const later = asked(seen, store).slice(back).filter((path) => path !== "/api/v1/jobs");
    assert.deepEqual(later, [], "one look after the return, and the stream again");
    assert.deepEqual(seen.errors, []);
    await context.close();
  });

  test("are told to every open page of the shop by one stream", async () => {
    const { page, seen, context } = await openPage(browser, SIZES.desk);
    await enter(page, store, "owner");
    await page.goto(`${store.url}/shop/printers`);
    await page.locator("[data-printer]").first().waitFor();
    const others = [];
    for (let n = 0; n < 7; n += 1) {
      const other = await context.newPage();
      await other.goto(`${store.url}/shop/printers`);
      await other.locator("[data-printer]").first().waitFor();
      others.push(other);
    }
    const streams = () => seen.requests.filter((request) => request.url().endsWith("/api/v1/events")).length;
    assert.equal(streams(), 1, "a browser has six connections for all pages");
    const last = others.at(-1);
    const { printer } = jobs[0];
    const patch = { headers: { authorization: `Bearer ${owner.token}`, "content-type": "application/json" } };
    await fetch(`${store.url}/api/v1/printers/${printer.id}`, { method: "PATCH", ...patch, body: JSON.stringify({ name: "Renamed" }) });
    await last.getByRole("link", { name: "Renamed" }).waitFor();
    // The one that listens for all goes: another one does.
    await page.close();
    await fetch(`${store.url}/api/v1/printers/${printer.id}`, { method: "PATCH", ...patch, body: JSON.stringify({ name: "Once more" }) });
    await last.getByRole("link", { name: "Once more" }).waitFor();
    assert.equal(streams(), 2);
    await context.close();
  });

  test("say when they end or need somebody, once a person asked for that by a click, and in the tab's title how far they are", async () => {
    const { page, context } = await openPage(browser, SIZES.phone);
    await context.addInitScript(notificationsAreKept);
    await enter(page, store, "owner");
    const printer = await addPrinter(store, owner, "Bedside");
    const job = await order(owner, licence, printer);
    await page.goto(`${store.url}/shop/jobs/${job.id}`);
    await page.locator("[data-step=created]").waitFor();
    assert.equal(await page.evaluate(() => globalThis.asked), 0, "nobody is asked before a click");
    await page.getByRole("button", { name: "Notify me" }).click();
    await page.getByText("You hear when a print ends").waitFor();
    await accessible(page);
    await printer.claim(job.id);
    await printer.report(job.id, "printing", { progress_permille: 420 });
    await page.waitForFunction(() => document.title.replace(/[\u2066-\u2069]/g, "").startsWith("42 %"));
    // Also from a page that shows something else.
    await page.goto(`${store.url}/shop/library`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await printer.report(job.id, "paused");
    await page.waitForFunction(() => globalThis.told.length === 1);
    await printer.report(job.id, "printing");
    await printer.report(job.id, "success");
    await page.waitForFunction(() => globalThis.told.length === 2);
    const told = await page.evaluate(() => globalThis.told);
    assert.deepEqual(told.map(({ title }) => title.replace(/[\u2068\u2069]/g, "")), ["A post for a wax seal is paused and may need you", "A post for a wax seal is printed"]);
    assert.deepEqual(told.map(({ body }) => body), ["On Bedside", "On Bedside"]);
    await context.close();
  });

  test("are told to nobody whose sign-in was ended elsewhere", async () => {
    const { page, context } = await openPage(browser, SIZES.desk);
    await atCommandLine(store, "visitor").then(async (visitor) => {
      await enter(page, store, "visitor");
      await page.goto(`${store.url}/shop/printers`);
      await page.getByRole("heading", { name: "No printer yet" }).waitFor();
      await visitor.ask("DELETE", "/api/v1/me/sessions");
    });
    await page.getByRole("heading", { name: "Sign in", exact: true }).waitFor();
    await context.close();
  });
});

/** Signs in as the page does. */
async function enter(page, store, name) {
  const data = { username: name, password: PASSWORD };
  const answer = await page.request.post(`${store.url}/auth/session`, { data, headers: { origin: store.url } });
  assert.ok(answer.ok(), await answer.text());
}

/** Paths that the pages asked the store's API for, but for the stream itself. */
function asked(seen, store) {
  const paths = seen.requests.map((request) => new URL(request.url())).filter(({ origin }) => origin === store.url);
  const api = paths.map(({ pathname }) => pathname).filter((pathname) => pathname.startsWith("/api/"));
  // Pictures come when their row is scrolled to.
  return api.filter((pathname) => !pathname.endsWith("/thumbnail") && pathname !== "/api/v1/events" && pathname !== "/api/v1/me");
}

/** At most so many at a time, as one machine stands it. */
async function all(each, work) {
  const waiting = [...each];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

/** Runs in the page, before its own scripts. */
function notificationsAreKept() {
  globalThis.told = [];
  globalThis.asked = 0;
  const KEY = "test-permission";
  globalThis.Notification = class {
    constructor(title, { body }) {
      globalThis.told.push({ title, body });
    }
    static get permission() {
      return sessionStorage.getItem(KEY) ?? "default";
    }
    static async requestPermission() {
      globalThis.asked += 1;
      sessionStorage.setItem(KEY, "granted");
      return "granted";
    }
    close() {}
  };
}
