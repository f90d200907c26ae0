// What comes by mail, read from a real mail server: links that count once, addresses, news, and how to have no more of them.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { accessible } from "./kit/axe.mjs";
import { launch, openPage, picture } from "./kit/chromium.mjs";
import { startMail } from "./kit/mail.mjs";
import { failure, registerInShop } from "./kit/shop.mjs";
import { ask, PASSWORD, startStore } from "./kit/store.mjs";

const NEW = "another battery staple";

describe("by mail", () => {
  let mail, store, browser, shop;

  before(async () => {
    mail = await startMail();
    store = await startStore({ config: mail.config });
    browser = await launch();
    shop = `${store.url}/shop/`;
  });
  after(async () => {
    await browser?.close();
    await store?.stop();
    await mail?.stop();
  });

  const toAccount = async (page, name) => {
    await page.getByRole("banner").getByRole("link", { name }).click();
    await page.getByRole("heading", { name: "Account", exact: true }).waitFor();
  };
  const followed = (link) => link.replace(/^https?:\/\/[^/]+/, store.url);

  test("an address is confirmed, and changed when both agree", async () => {
    const { page, context } = await openPage(browser);
    await page.goto(shop);
    await registerInShop(page, "mover");
    const first = await mail.mailTo("mover@example.org", /Is this your address/);
    assert.match(first.headers.from, /Seal shop <post@store\.example>/);
    await page.goto(followed(mail.linkIn(first)));
    await page.getByRole("button", { name: "Yes, confirm it" }).waitFor();
    assert.equal(new URL(page.url()).hash, "", "the secret does not stay in the address");
    await page.getByRole("button", { name: "Yes, confirm it" }).click();
    await page.getByRole("heading", { name: "The address is confirmed" }).waitFor();

    await toAccount(page, "mover");
    await page.getByText("Confirmed", { exact: true }).waitFor();
    await page.getByLabel("E-mail address").fill("moved@example.org");
    await page.getByRole("button", { name: "Change the address" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Your password").fill("not the password");
    await dialog.getByRole("button", { name: "Change it" }).click();
    assert.equal((await failure(dialog)).code, "wrong_credentials");
    await dialog.getByLabel("Your password").fill(PASSWORD);
    await dialog.getByRole("button", { name: "Change it" }).click();
    await dialog.waitFor({ state: "detached" });

    const fresh = mail.linkIn(await mail.mailTo("moved@example.org", /Is this your address/));
    const old = mail.linkIn(await mail.mailTo("mover@example.org", /Another address/));
    await page.goto(followed(fresh));
    await page.getByRole("button", { name: "Yes, confirm it" }).click();
    await page.getByRole("heading", { name: "One more step" }).waitFor();
    await page.goto(followed(old));
    await page.getByRole("button", { name: "Yes, confirm it" }).click();
    await page.getByRole("heading", { name: "The address is confirmed" }).waitFor();
    await mail.mailTo("mover@example.org", /The address was changed/);
    await toAccount(page, "mover");
    assert.equal(await page.getByLabel("E-mail address").inputValue(), "moved@example.org");
    await context.close();
  });

  test("a forgotten password is set anew by a link that counts once, and ends what was signed in", async () => {
    const { page, context } = await openPage(browser);
    await page.goto(shop);
    await registerInShop(page, "forgetful");
    const other = await openPage(browser);
    await other.page.goto(`${shop}forgot`);
    await accessible(other.page);
    await other.page.getByLabel("E-mail address").fill("Forgetful@Example.org");
    await other.page.getByRole("button", { name: "Send me a link" }).click();
    await other.page.getByText("a mail is on its way").waitFor();
    const letter = await mail.mailTo("forgetful@example.org", /A new password/);
    const link = followed(mail.linkIn(letter));
    assert.match(link, /\/shop\/reset#[\w-]{43}$/, "the secret stands behind the #");
    assert.ok(letter.html.includes(mail.linkIn(letter)));

    await other.page.goto(link);
    await other.page.getByLabel("New password").fill("1234567890");
    assert.equal(new URL(other.page.url()).hash, "", "the secret does not stay in the address");
    await other.page.getByRole("button", { name: "Set the password" }).click();
    assert.equal((await failure(other.page)).code, "weak_password");
    await other.page.getByLabel("New password").fill(NEW);
    await other.page.getByRole("button", { name: "Set the password" }).click();
    await other.page.getByRole("heading", { name: "The password is set" }).waitFor();
    await mail.mailTo("forgetful@example.org", /The password was changed by a link/);

    await page.reload();
    await page.getByRole("banner").getByRole("link", { name: "Sign in" }).waitFor();
    const again = await openPage(browser);
    await again.page.goto(link);
    await again.page.getByLabel("New password").fill(NEW);
    await again.page.getByRole("button", { name: "Set the password" }).click();
    assert.equal((await failure(again.page)).code, "link_over");
    await assert.rejects(ask(store, "POST", "/auth/login", { body: { email: "forgetful@example.org", password: PASSWORD } }), /wrong_credentials/);
    await ask(store, "POST", "/auth/login", { body: { email: "forgetful@example.org", password: NEW } });
    for (const each of [context, other.context, again.context]) await each.close();
  });

  test("an unknown address is told nothing else than a known one", async () => {
    const answers = [];
    for (const email of ["nobody-here@example.org", "forgetful@example.org"]) {
      const answer = await fetch(`${store.url}/auth/password/forgot`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ email }),
      });
      const headers = [...answer.headers].filter(([name]) => !["date", "x-request-id"].includes(name));
      answers.push(JSON.stringify([answer.status, await answer.text(), headers]));
    }
    assert.equal(answers[0], answers[1]);
  });

  test("an operator sees what was not taken, and why", async () => {
    const link = await (await import("node:fs/promises")).readFile(`${store.folder}/setup-link`, "utf8");
    const body = { setup_token: link.trim().split("#")[1], email: "op@example.org", username: "op", password: PASSWORD };
    const { token } = await ask(store, "POST", "/api/v1/setup", { body });
    // The mail server refuses everybody of that name.
    await ask(store, "POST", "/api/v1/accounts", { body: { email: "nobody@example.org", username: "nobody", password: PASSWORD } });
    const { page, context } = await openPage(browser);
    await page.goto(shop);
    await page.waitForFunction(
      async ([token]) => (await (await fetch("/api/v1/mails", { headers: { authorization: `Bearer ${token}` } })).json()).dead > 0,
      [token],
    );
    const { mails } = await ask(store, "GET", "/api/v1/mails", { token });
    assert.equal(mails[0].address, "nobody@example.org");
    assert.match(mails[0].error, /no such person here/);
    assert.equal(JSON.stringify(mails).includes("#"), false, "no link is shown");
    const { user_id: id } = await ask(store, "POST", "/auth/login", { body: { username: "forgetful", password: NEW } });
    const made = await ask(store, "POST", `/api/v1/people/${id}/reset-link`, { token, body: { password: PASSWORD } });
    await page.goto(made.link);
    await page.getByLabel("New password").fill(PASSWORD);
    await page.getByRole("button", { name: "Set the password" }).click();
    await page.getByRole("heading", { name: "The password is set" }).waitFor();
    await context.close();
  });

  test("an account ends with its mails, its name and its sign-ins, and says so before", async () => {
    const { page, context } = await openPage(browser);
    await page.goto(shop);
    await registerInShop(page, "leaver");
    await mail.mailTo("leaver@example.org", /Is this your address/);
    await toAccount(page, "leaver");
    await accessible(page);
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download my data" }).click()]);
    const data = JSON.parse(await (await import("node:fs/promises")).readFile(await file.path(), "utf8"));
    assert.equal(data.account.email, "leaver@example.org");
    assert.ok(data.log.some(({ action }) => action === "account.created"));

    await page.getByRole("link", { name: "Delete my account" }).click();
    await page.getByText("Your address, name, password").waitFor();
    await accessible(page);
    await picture(page, "account-delete");
    await page.getByRole("checkbox", { name: /nobody can bring this back/ }).check();
    await page.getByRole("button", { name: "Delete my account" }).click();
    await page.getByRole("dialog").getByLabel("Your password").fill(PASSWORD);
    await page.getByRole("button", { name: "Delete it for good" }).click();
    await page.getByRole("banner").getByRole("link", { name: "Sign in" }).waitFor();
    await mail.mailTo("leaver@example.org", /is deleted/);
    await assert.rejects(ask(store, "POST", "/auth/login", { body: { email: "leaver@example.org", password: PASSWORD } }), /wrong_credentials/);
    // The address can be taken by somebody else.
    await ask(store, "POST", "/api/v1/accounts", { body: { email: "leaver@example.org", username: "leaver", password: PASSWORD } });
    await context.close();
  });
});
