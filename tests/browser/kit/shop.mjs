// What a person does in the shop, by what they see: roles, labels, words.

import { PASSWORD } from "./store.mjs";

export async function registerInShop(page, name) {
  await page.getByRole("banner").getByRole("link", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "I am new here" }).click();
  await page.getByLabel("E-mail address").fill(`${name}@example.org`);
  await page.getByLabel("Name that others see").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Register", exact: true }).click();
  await isSignedIn(page, name).waitFor();
}

/** Where the page asks for it; a browser that is signed in stays so over a reload. */
export async function signInToShop(page, name) {
  const form = page.getByLabel("E-mail address or name");
  await form.or(isSignedIn(page, name)).first().waitFor();
  if (!(await form.isVisible())) return;
  await form.fill(`${name}@example.org`);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await isSignedIn(page, name).waitFor();
}

export function isSignedIn(page, name) {
  return page.getByRole("banner").getByText(name, { exact: true });
}

/** Within a purchase, without leaving it. */
export async function registerInCheckout(page, name) {
  await page.getByRole("button", { name: "I am new here" }).click();
  await page.getByLabel("E-mail address").fill(`${name}@example.org`);
  await page.getByLabel("Name that others see").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Register and go on" }).click();
  await isSignedIn(page, name).waitFor();
}

/** From anywhere to the page of a listing. */
export async function toListing(page, title) {
  await page.getByRole("navigation", { name: "Shop" }).getByRole("link", { name: "Shop" }).click();
  await page.getByRole("link", { name: title, exact: true }).click();
  await page.getByRole("heading", { name: title, exact: true, level: 1 }).waitFor();
}

/** From anywhere to the form that buys a plugin; the person is signed in. */
export async function toBuying(page, title) {
  await toListing(page, title);
  await page.getByRole("link", { name: /^Get (it|another one)$/ }).click();
  await page.getByRole("group", { name: "Where should the key live?" }).waitFor();
}

/** Types a voucher's code, where one says first that there is one. */
export async function typeVoucher(page, code) {
  const way = page.getByRole("radio", { name: /^A voucher/ });
  const button = page.getByRole("button", { name: "I have a voucher" });
  const field = page.getByLabel("Voucher code");
  await way.or(button).or(field).first().waitFor();
  if (await way.isVisible()) await way.check();
  else if (await button.isVisible()) await button.click();
  await field.fill(code);
}

/**
 * Chooses where the key lives; `phrase` types one, no phrase writes down the one that is shown and gives it. A phrase that
 * is open already is taken as it is.
 */
export async function chooseKey(page, kind, { phrase } = {}) {
  const names = { account: /^My crypto wallet/, browser: /^This browser/, passkey: /^A passkey/, phrase: /^A recovery phrase/ };
  await page.getByRole("radio", { name: names[kind] }).check();
  if (kind !== "phrase") return undefined;
  const words = page.getByRole("list", { name: "Recovery phrase" }).getByRole("listitem");
  const field = page.getByLabel("Recovery phrase", { exact: true });
  const isOpen = page.getByText("is open already");
  await words.or(field).or(isOpen).first().waitFor();
  if (await isOpen.isVisible()) return undefined;
  if (phrase) {
    const type = page.getByRole("radio", { name: "Type one that I have" });
    if (await type.isVisible()) await type.check();
    await field.fill(phrase);
    return phrase;
  }
  const shown = (await words.allInnerTexts()).join(" ");
  await page.getByRole("checkbox", { name: /I wrote them down/ }).check();
  return shown;
}

/** Buys for nothing or with a voucher; ends on the licence's page and gives its id. */
export async function buy(page, title, kind, { phrase, voucher } = {}) {
  await toBuying(page, title);
  const shown = await chooseKey(page, kind, { phrase });
  if (voucher) await typeVoucher(page, voucher);
  await page.getByRole("button", { name: voucher ? "Buy with the voucher" : "Get it for free" }).click();
  await page.getByRole("heading", { name: /^Devices: 1 of/ }).waitFor();
  return { licence: new URL(page.url()).pathname.split("/").at(-1), phrase: shown };
}

/** Opens what was bought, from the licence's page on. */
export async function open(page) {
  await page.getByRole("link", { name: "Open it here" }).click();
  await page.getByRole("button", { name: "Open", exact: true }).click();
}

/** Gives the open plugin a file and waits for figures and picture. */
export async function readFile(page, file) {
  await page.getByLabel("G-code file").setInputFiles(file);
  await page.locator('.result[data-drawn="true"]').waitFor();
}

/** The figures that the page shows, by name. */
export function figures(page) {
  return page
    .locator("[data-figure]")
    .evaluateAll((found) => Object.fromEntries(found.map((each) => [each.dataset.figure, each.textContent])));
}

/** The failure that the page tells: code and words. */
export async function failure(page) {
  const notice = page.getByRole("alert").locator("[data-code]");
  await notice.waitFor();
  return { code: await notice.getAttribute("data-code"), text: await notice.innerText() };
}
