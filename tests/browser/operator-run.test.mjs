import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { accessible, SIZES } from "./kit/axe.mjs";
import { launch, openPage, picture } from "./kit/chromium.mjs";
import { SEALPOST } from "./kit/parts.mjs";
import { run } from "./kit/service.mjs";
import { isSignedIn } from "./kit/shop.mjs";
import { ask, atCommandLine, PASSWORD, signIn, startStore } from "./kit/store.mjs";

/** What sellers may write, and nothing of it is more than text. */
const TITLE = `<img src=x onerror="document.title='had'"> \u202Eyhcneb`;

for (const [size, options] of Object.entries(SIZES)) {
  describe(`the operator of a store (${size})`, () => {
    let store, browser, page, seen, context, operator, seller, buyer, listing;

    before(async () => {
      store = await startStore();
      browser = await launch();
      ({ page, seen, context } = await openPage(browser, options));
    });
    after(async () => {
      await browser?.close();
      await store?.stop();
    });

    const tab = (name) => page.getByRole("navigation", { name: "Running the store" }).getByRole("link", { name, exact: true }).click();
    const heading = (name) => page.getByRole("heading", { name, level: 1, exact: true }).waitFor();

    test("sets it up by the link that was printed, once", async () => {
      const link = (await readFile(path.join(store.folder, "setup-link"), "utf8")).trim();
      await page.goto(link);
      await page.getByRole("heading", { name: "Set up the store" }).waitFor();
      assert.equal(page.url(), `${store.url}/shop/setup`, "the token stays in no address");
      await accessible(page);
      await picture(page, `operator-setup-1-${size}`);
      await page.getByLabel("E-mail address").fill("boss@example.org");
      await page.getByLabel("Name that others see").fill("boss");
      await page.getByLabel("Password").fill("short");
      await page.getByRole("button", { name: "Make the account" }).click();
      assert.equal(await page.getByLabel("E-mail address").inputValue(), "boss@example.org", "what was typed stays");
      await page.getByLabel("Password").fill(PASSWORD);
      await page.getByRole("button", { name: "Make the account" }).click();
      await isSignedIn(page, "boss").waitFor();

      await page.getByLabel("What the store is called").fill("Benchy & Sons");
      await page.getByLabel("Currency").fill("eur");
      await accessible(page);
      await picture(page, `operator-setup-2-${size}`);
      await page.getByRole("button", { name: "Save and go on" }).click();
      await page.getByText("keys/kek").waitFor();
      await accessible(page);
      await picture(page, `operator-setup-3-${size}`);
      await page.getByRole("button", { name: "I have copied it to a safe place" }).click();
      await page.getByText("Backed up").waitFor();
      await page.getByRole("button", { name: "Open the store" }).click();
      await heading("Store");
      await page.getByRole("banner").getByText("Benchy & Sons").waitFor();
      operator = await signIn(store, "boss");

      await page.goto(link);
      await page.getByRole("heading", { name: "What people meet" }).waitFor();
      const again = await openPage(browser, options);
      await again.page.goto(link);
      await again.page.getByLabel("E-mail address").fill("thief@example.org");
      await again.page.getByLabel("Password").fill(PASSWORD);
      await again.page.getByRole("button", { name: "Make the account" }).click();
      await again.page.locator("[data-code=setup_token_invalid]").waitFor();
      await again.context.close();
    });

    test("takes a listing down that somebody reported, and its publisher reads why", async () => {
      seller = await atCommandLine(store, "seller");
      buyer = await atCommandLine(store, "buyer");
      listing = await seller.ask("POST", "/api/v1/listings", { title: TITLE, description: "A boat." });
      const other = await openPage(browser, options);
      await enter(other.page, "buyer");
      await other.page.goto(`${store.url}/shop/listings/${listing.id}`);
      await other.page.getByRole("button", { name: "Report this listing" }).click();
      await other.page.getByRole("radio", { name: "It is somebody else's work" }).check();
      await other.page.getByLabel("More about it").fill("<b>Mine</b>, since 2019.");
      await accessible(other.page);
      await picture(other.page, `operator-report-${size}`);
      await other.page.getByRole("button", { name: "Report it" }).click();
      await other.page.getByText("Reported.").waitFor();

      await page.goto(`${store.url}/shop/operate`);
      await page.getByText("One report of a listing waits").waitFor();
      await accessible(page);
      await picture(page, `operator-overview-${size}`);
      await page.getByRole("link", { name: "Look at what people reported" }).click();
      await page.getByText("<b>Mine</b>, since 2019.").waitFor();
      await accessible(page);
      await picture(page, `operator-reports-${size}`);
      await page.getByRole("button", { name: /^Take down/ }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Take it down" }).click();
      assert.equal(await page.getByRole("dialog").isVisible(), true, "without a reason it is not done");
      await page.getByLabel("Why?").fill("Somebody says it is theirs. Write to us.");
      await accessible(page);
      await page.getByRole("dialog").getByRole("button", { name: "Take it down" }).click();
      await page.getByText("Suspended", { exact: true }).waitFor();
      await page.getByRole("button", { name: /^Close/ }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Close it" }).click();
      await page.getByRole("heading", { name: "Nothing waits" }).waitFor();

      await assert.rejects(
        ask(store, "POST", "/api/v1/purchases", { token: buyer.token, body: { listing: listing.id, payment: { method: "free" } } }),
        /listing_not_for_sale/,
      );
      await enter(other.page, "seller");
      await other.page.goto(`${store.url}/shop/listings/${listing.id}`);
      await other.page.getByText("Somebody says it is theirs. Write to us.").waitFor();
      await picture(other.page, `operator-why-${size}`);
      await other.context.close();

      await tab("Listings");
      await page.getByLabel("State").selectOption("suspended");
      await page.getByText("Somebody says it is theirs.").waitFor();
      await accessible(page);
      await picture(page, `operator-listings-${size}`);
      await page.getByRole("button", { name: /^Lift/ }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Lift it" }).click();
      await page.getByRole("heading", { name: "No listing is like that" }).waitFor();
      assert.equal((await ask(store, "GET", `/api/v1/listings/${listing.id}`)).state, "listed");
    });

    test("sees what people ordered of all sellers", async () => {
      const made = await seller.ask("POST", "/api/v1/listings", { title: "Asked for", price: { amount: "500", currency: "EUR" } });
      const body = { listing: made.id, payment: { method: "marked_paid" } };
      const { purchase } = await ask(store, "POST", "/api/v1/purchases", { token: buyer.token, body });
      await page.goto(`${store.url}/shop/operate`);
      await page.locator('a[href$="/sales/orders?everybody=1"]').click();
      const row = page.locator(`[data-purchase="${purchase.id}"]`);
      await row.waitFor();
      await page.getByLabel("State").selectOption("pending");
      await row.waitFor();
      await accessible(page);
      await picture(page, `operator-orders-${size}`);
      await page.getByLabel("Of all sellers").uncheck();
      await row.waitFor({ state: "detached" });
      await page.goto(`${store.url}/shop/operate/listings`);
      await heading("Listings");
    });

    test("suspends a person, who is out at once, shares the role, and asks somebody in", async () => {
      const other = await openPage(browser, options);
      await enter(other.page, "seller");
      await tab("People");
      await page.getByLabel("Name, address or id").fill("seller@");
      await page.getByText("2 listings").waitFor();
      await page.getByRole("link", { name: "buyer", exact: true }).waitFor({ state: "detached" });
      await accessible(page);
      await picture(page, `operator-people-${size}`);
      await page.getByRole("link", { name: "seller", exact: true }).click();
      await heading("seller");
      await accessible(page);
      await page.getByRole("button", { name: "Suspend the account" }).click();
      await page.getByLabel("Why?").fill("Does not answer.");
      await page.getByLabel("Your password").fill("a guess of somebody");
      await page.getByRole("dialog").getByRole("button", { name: "Suspend the account" }).click();
      await page.locator("[data-code=wrong_credentials]").waitFor();
      assert.equal(await page.getByLabel("Why?").inputValue(), "Does not answer.", "what was typed stays");
      await accessible(page);
      await picture(page, `operator-proof-${size}`);
      await page.getByLabel("Your password").fill(PASSWORD);
      await page.getByRole("dialog").getByRole("button", { name: "Suspend the account" }).click();
      await page.getByText("Suspended", { exact: true }).first().waitFor();
      await picture(page, `operator-person-${size}`);
      await other.page.goto(`${store.url}/shop/sell`);
      await other.page.getByLabel("E-mail address or name").waitFor();
      await other.context.close();
      await assert.rejects(seller.ask("GET", "/api/v1/me"), /401/);
      await page.getByRole("button", { name: "Lift the suspension" }).click();
      await page.getByLabel("Your password").fill(PASSWORD);
      await page.getByRole("dialog").getByRole("button", { name: "Lift it" }).click();
      await page.getByText("In use").waitFor();
      await page.getByRole("button", { name: "Make a link for a new password" }).click();
      await page.getByLabel("Your password").fill(PASSWORD);
      await page.getByRole("dialog").getByRole("button", { name: "Make the link" }).click();
      await page.getByText(/\/shop\/reset#/).waitFor();

      const { user_id } = await operator.ask("GET", "/api/v1/me");
      await page.goto(`${store.url}/shop/operate/people/${user_id}`);
      await page.getByRole("button", { name: "Take the operator's role" }).click();
      await page.getByLabel("Your password").fill(PASSWORD);
      await page.getByRole("dialog").getByRole("button", { name: "Take the role" }).click();
      await page.locator("[data-code=last_operator]").waitFor();
      await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();

      await tab("Settings");
      await page.getByRole("radio", { name: /^Whom you ask in/ }).check();
      await saved("Save the store");
      await page.getByText("Saved, and in force.").waitFor();
      await tab("People");
      await page.getByLabel("For whom").fill("Ann from the fair");
      await page.getByRole("button", { name: "Make a link" }).click();
      const link = await page.getByText(/#invitation=/).innerText();
      await page.getByText("Ann from the fair").waitFor();
      await accessible(page);
      const body = { email: "ann@example.org", password: PASSWORD };
      await assert.rejects(ask(store, "POST", "/api/v1/accounts", { body }), /invitation_needed/);
      // At the command line the link alone says which store it is.
      const env = { SEALPOST_CONFIG_DIR: path.join(store.folder, "ann") };
      const register = ["register", "--email", body.email, "--invitation-file", "-", "--password-file", "-"];
      await run(SEALPOST, register, { env, input: `${link}\n${PASSWORD}\n` });
      const another = ["register", "--email", "bea@example.org", "--invitation-file", "-", "--password-file", "-"];
      await assert.rejects(run(SEALPOST, another, { env, input: `${link}\n${PASSWORD}\n` }), /invitation_/);
    });

    test("sets share and limits, which hold at once, and finds it all in the audit log", async () => {
      await tab("Settings");
      await page.getByLabel("Percent of the price").fill("7.5");
      await saved("Save the share");
      assert.equal((await ask(store, "GET", "/api/v1/store")).fee_bps, 750);
      await page.getByLabel("Listings of one seller").fill("1");
      await saved("Save the limits");
      seller = await signIn(store, "seller");
      await assert.rejects(seller.ask("POST", "/api/v1/listings", { title: "One more" }), /too_many_listings/);
      await page.getByLabel("Largest file, MB").fill("99999999");
      await page.getByRole("button", { name: "Save the limits" }).click();
      assert.equal(await page.getByLabel("Largest file, MB").evaluate((field) => field.validity.rangeOverflow), true);
      await accessible(page);
      await picture(page, `operator-settings-${size}`);

      await tab("Audit log");
      await page.getByLabel("Text in an entry").fill("listing.suspended");
      const entry = page.getByRole("list", { name: "Entries" }).getByRole("listitem");
      await entry.filter({ hasText: "Somebody says it is theirs." }).waitFor();
      await entry.filter({ hasText: "settings changed" }).first().waitFor({ state: "detached" });
      await accessible(page);
      await picture(page, `operator-log-${size}`);
      const file = page.waitForEvent("download");
      await page.getByRole("link", { name: "Save as CSV" }).click();
      const text = await readFile(await (await file).path(), "utf8");
      assert.match(text, /listing\.suspended/);
      assert.doesNotMatch(text, /settings\.changed/);
    });

    test("sees how the store is, and a backup once it is made", async () => {
      await tab("Health and backup");
      await page.getByText("This store was never backed up.").first().waitFor();
      await page.getByText(/SQLite answers in/).waitFor();
      await accessible(page);
      await picture(page, `operator-health-${size}`);
      const target = path.join(store.folder, "b.sealpost");
      const backup = ["backup", "--data", path.join(store.folder, "data"), "--verify", "--work-factor", "10", "--passphrase-file", "-", target];
      await run(SEALPOST, backup, { input: "several words that nobody knows\n" });
      await page.getByRole("button", { name: "Look again" }).click();
      await page.getByText("Read back").first().waitFor();
      await page.getByText(target).waitFor();
      await picture(page, `operator-backup-${size}`);
      const metrics = await fetch(`${store.url}/metrics`);
      assert.match(await metrics.text(), /sealpost_check\{name="backup"\} 0/);
      assert.equal(await page.title().then((title) => title.includes("had")), false);
      assert.deepEqual(seen.errors, []);
      await context.close();
    });

    async function saved(button) {
      const answer = page.waitForResponse((response) => response.request().method() === "PATCH");
      await page.getByRole("button", { name: button }).click();
      assert.equal((await answer).status(), 200);
    }

    /** By the session's cookie, without the form. */
    async function enter(page, name) {
      await page.goto(`${store.url}/shop/`);
      const status = await page.evaluate(
        async (body) =>
          (await fetch("/auth/session", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })).status,
        { email: `${name}@example.org`, password: PASSWORD },
      );
      assert.equal(status, 200);
    }
  });
}
