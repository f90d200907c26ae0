import assert from "node:assert/strict";
import { hkdfSync } from "node:crypto";
import { readFile as read } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { held, mint, tokens } from "./kit/anvil.mjs";
import { launch, openPage, picture } from "./kit/chromium.mjs";
import { NEEDED, sellOnChain, startMarket, until } from "./kit/market.mjs";
import { startSite } from "./kit/pages.mjs";
import { GCODE, ROOT } from "./kit/parts.mjs";
import { forms, gather, places } from "./kit/secrets.mjs";
import { chooseKey, failure, figures, open, readFile, registerInShop, signInToShop, toBuying, toListing } from "./kit/shop.mjs";
import { signIn } from "./kit/store.mjs";
import { putWallet, sentBy } from "./kit/wallet.mjs";

const COIN = 10n ** 18n;
const PRICE = COIN / 80n;

describe("a plugin is bought on the chain", () => {
  let market, chain, store, browser, shop, seller;

  before(async () => {
    market = await startMarket();
    ({ chain, store } = market);
    shop = `${store.url}/shop/`;
    browser = await launch();
    seller = await sellOnChain(market, { name: "insight", title: "Insight Pro", price: "0.0125" });
    await sellOnChain(market, { name: "token", title: "Insight for USDC", price: "2.5", currency: "USDC" });
  });
  after(async () => {
    await browser?.close();
    await market?.stop();
  });

  /** Somebody new in the shop, with a wallet in their browser. */
  async function newcomer(name, { wallet: wishes, ...options } = {}) {
    const opened = await openPage(browser, options);
    const wallet = await putWallet(opened.context, chain, wishes);
    await opened.page.goto(shop);
    await registerInShop(opened.page, name);
    return { ...opened, wallet };
  }
  const payButton = (page) => page.getByRole("button", { name: /^Pay \d/ });
  const state = (page, title) => page.getByRole("status").getByRole("heading", { name: title }).waitFor();
  /** From anywhere to the page that sells a plugin, whatever it says there. */
  async function toOffer(page, title) {
    await toListing(page, title);
    await page.getByRole("link", { name: /^Get (it|another one)$/ }).click();
  }
  /** Somebody's page of sales, with a wallet. */
  async function selling(name, account) {
    const opened = await openPage(browser);
    const wallet = await putWallet(opened.context, chain, { account });
    await opened.page.goto(`${shop}sales`);
    await signInToShop(opened.page, name);
    await opened.page.getByRole("button", { name: "Connect" }).click();
    return { ...opened, wallet };
  }
  /** From the catalogue to a payment that was sent. */
  async function pay(page, title, kind) {
    await toBuying(page, title);
    await chooseKey(page, kind);
    await payButton(page).click();
    await page.getByRole("heading", { name: `Payment for ${title}` }).waitFor();
    return new URL(page.url()).pathname.split("/").at(-1);
  }

  test("with coin, by a key out of the wallet: it waits for confirmations, and runs", async () => {
    const { page, wallet, seen, context } = await newcomer("payer");
    await toBuying(page, "Insight Pro");
    await chooseKey(page, "account");
    const words = await page.getByLabel("What you confirm").innerText();
    for (const shown of ["0.0125 ETH", chain.contract, chain.publisher, "org.example.insight@1.0.0", "15%"]) {
      assert.ok(words.includes(shown), `${shown} is not told before it is signed:\n${words}`);
    }
    await picture(page, "chain-buy");
    await payButton(page).click();
    await state(page, /^\d of \d confirmations$/);
    await picture(page, "chain-confirming");
    const asked = wallet.asked.map(({ method }) => method);
    assert.equal(asked.filter((method) => method === "personal_sign").length, 2, "a new key is asked for twice");
    const [text] = wallet.asked.find(({ method }) => method === "personal_sign").params;
    const { host } = new URL(store.url);
    assert.ok(Buffer.from(text.slice(2), "hex").toString().startsWith(`${host} wants you to sign in with your Ethereum account:\n0x`));
    assert.deepEqual(sentBy(wallet).map(({ to, value }) => [to.toLowerCase(), BigInt(value)]), [[chain.contract, PRICE]]);

    await chain.mine(NEEDED);
    await state(page, "Paid");
    await page.getByRole("link", { name: "Open it here" }).waitFor();
    const receipt = await page.getByLabel("Receipt", { exact: true }).last().innerText();
    for (const shown of ["0.0125 ETH", "0.001875 ETH", chain.buyer, chain.publisher]) assert.ok(receipt.includes(shown), receipt);
    const tx = new URL(page.url()).pathname.split("/").at(-1);
    assert.equal(await page.getByRole("link", { name: tx }).getAttribute("href"), `https://explorer.example/tx/${tx}`);
    await picture(page, "chain-paid");
    assert.deepEqual(await page.evaluate(() => localStorage.length), 0, "what became a licence is not kept");

    await page.getByRole("link", { name: "Open it here" }).click();
    await page.getByText("Your wallet has").waitFor();
    await page.getByRole("button", { name: "Open", exact: true }).click();
    await readFile(page, GCODE);
    assert.equal((await figures(page)).layers, "21");
    assert.deepEqual(seen.errors, []);
    const complaints = seen.console.filter((message) => message.location().url.includes("/shop"));
    assert.deepEqual(complaints.map((message) => message.text()), [], "the page breaks no rule of its policy");
    for (const request of seen.requests) assert.ok(request.url().startsWith(store.url), request.url());

    const signature = Buffer.from((await chain.rpc("personal_sign", text, chain.buyer)).slice(2, 130), "hex");
    const privateKey = Buffer.from(hkdfSync("sha256", signature, "", "sealpost/signature/v1\nsecp256k1\n0", 32));
    const corpus = await gather({ context, page, seen });
    assert.ok(places(corpus, [tx.slice(2)]).includes("request"), "the search sees what is sent");
    for (const secret of [signature, privateKey]) assert.deepEqual(places(corpus, forms(secret)), [], "what the key is made of stays nowhere");

    // Another browser of the same person, with the same wallet: the key is known, and one signature is enough.
    const other = await openPage(browser);
    const again = await putWallet(other.context, chain);
    const { licences } = await (await signIn(store, "payer")).ask("GET", "/api/v1/licences");
    await other.page.goto(`${shop}library/${licences[0].id}/run`);
    await signInToShop(other.page, "payer");
    await chooseKey(other.page, "account");
    await other.page.getByRole("button", { name: "Open", exact: true }).click();
    await readFile(other.page, GCODE);
    assert.equal(again.asked.filter(({ method }) => method === "personal_sign").length, 1);
    await other.context.close();
    await context.close();
  });

  test("with a token: the contract is allowed exactly the price, once, and then paid", async () => {
    await mint(chain, chain.buyer, 5_000_000n);
    const { page, wallet, context } = await newcomer("tokens");
    await pay(page, "Insight for USDC", "browser");
    await state(page, /confirmations$/);
    assert.deepEqual(sentBy(wallet).map(({ to }) => to.toLowerCase()), [chain.usdc, chain.contract]);
    assert.equal(await tokens(chain, chain.buyer), 2_500_000n);
    await chain.mine(NEEDED);
    await state(page, "Paid");
    await picture(page, "chain-token");
    await page.getByRole("link", { name: "See the licence" }).click();
    await open(page);
    await readFile(page, GCODE);
    await context.close();
  });

  test("a no in the wallet is an answer and no failure, and a yes afterwards pays", async () => {
    const { page, wallet, context } = await newcomer("unsure");
    await toBuying(page, "Insight Pro");
    for (const [kind, method] of [
      ["account", "personal_sign"],
      ["browser", "eth_requestAccounts"],
      ["browser", "eth_sendTransaction"],
    ]) {
      wallet.refuses = new Set([method]);
      await chooseKey(page, kind);
      await payButton(page).click();
      await page.getByText("You said no in the wallet").waitFor();
      assert.equal(await page.locator("[data-code]").count(), 0, method);
      await payButton(page).and(page.locator(":enabled")).waitFor();
    }
    await picture(page, "chain-rejected");
    wallet.refuses.clear();
    await payButton(page).click();
    await state(page, /confirmations$/);
    await chain.mine(NEEDED);
    await state(page, "Paid");
    await context.close();
  });

  test("a wallet on another chain is asked to change, and one that cannot is told what to do", async () => {
    const { page, wallet, context } = await newcomer("elsewhere");
    wallet.chainId = 1;
    wallet.knows = [];
    await toBuying(page, "Insight Pro");
    await chooseKey(page, "browser");
    await payButton(page).click();
    assert.equal((await failure(page)).code, "wallet_no_chain");
    await picture(page, "chain-elsewhere");
    wallet.knows = [31337];
    await payButton(page).click();
    await state(page, /confirmations$/);
    assert.equal(wallet.chainId, 31337);
    assert.equal(sentBy(wallet).length, 1);
    await context.close();
  });

  test("who has too little is told before the wallet asks, and a second time buys nothing", async () => {
    const { page, wallet, context } = await newcomer("poor");
    wallet.account = "0x00000000000000000000000000000000000000aa";
    await toBuying(page, "Insight Pro");
    await chooseKey(page, "browser");
    await payButton(page).click();
    assert.equal((await failure(page)).code, "funds_too_low");
    wallet.account = chain.buyer;
    await payButton(page).click();
    await state(page, /confirmations$/);
    await toOffer(page, "Insight Pro");
    await page.getByText("Your payment is on its way.").waitFor();
    assert.equal(await payButton(page).count(), 0);
    await picture(page, "chain-on-its-way");
    await page.getByRole("button", { name: "Pay once more, for another key" }).click();
    await chooseKey(page, "browser");
    await payButton(page).click();
    assert.equal((await failure(page)).code, "already_purchased");
    assert.equal(sentBy(wallet).length, 1);
    await context.close();
  });

  test("an older wallet, which announces nothing, pays too; where there is none the page says so", async () => {
    const { page, context } = await newcomer("older", { wallet: { announced: false } });
    await toBuying(page, "Insight Pro");
    await page.getByText("Wallet of this browser").waitFor();
    await chooseKey(page, "browser");
    await payButton(page).click();
    await state(page, /confirmations$/);
    await context.close();
    const without = await openPage(browser);
    await without.page.goto(shop);
    await registerInShop(without.page, "without");
    await toBuying(without.page, "Insight Pro");
    await without.page.getByText("There is no wallet in this browser.").waitFor();
    assert.equal(await payButton(without.page).isDisabled(), true);
    await without.page.getByRole("radio", { name: /^A voucher/ }).check();
    await without.page.getByLabel("Voucher code").waitFor();
    await without.context.close();
  });

  test("a payment outlives a reload while it waits for a block", async () => {
    const { page, context } = await newcomer("reloader");
    await chain.pause(true);
    const tx = await pay(page, "Insight Pro", "browser");
    await state(page, "Sent, waiting for a block");
    await picture(page, "chain-waiting");
    await page.reload();
    await state(page, "Sent, waiting for a block");
    await page.goto(shop);
    await page.getByRole("link", { name: "Library" }).click();
    await signInToShop(page, "reloader");
    await page.getByRole("link", { name: "Insight Pro" }).click();
    assert.equal(new URL(page.url()).pathname.split("/").at(-1), tx);
    await page.reload();
    await chain.mine(1);
    await chain.pause(false);
    await state(page, /confirmations$/);
    await chain.mine(NEEDED);
    await state(page, "Paid");
    await picture(page, "chain-reloaded");
    await page.getByRole("link", { name: "Open it here" }).click();
    await page.getByText("This browser has").waitFor();
    await page.getByRole("button", { name: "Open", exact: true }).click();
    await readFile(page, GCODE);
    await context.close();
  });

  test("a page that dies before it learns the transaction has paid all the same", async () => {
    // An account of its own: an account's key buys a version once.
    const { page, wallet, context } = await newcomer("unlucky", { wallet: { account: chain.another } });
    await toBuying(page, "Insight Pro");
    await chooseKey(page, "account");
    const sent = new Promise((resolve) => {
      wallet.beforeAnswer = async (method) => {
        if (method !== "eth_sendTransaction") return;
        resolve();
        await new Promise(() => {});
      };
    });
    await payButton(page).click();
    await Promise.race([sent, failure(page).then(({ text }) => assert.fail(text))]);
    await context.close();
    await chain.mine(NEEDED);

    const later = await openPage(browser);
    await putWallet(later.context, chain, { account: chain.another });
    const person = await signIn(store, "unlucky");
    await until(async () => (await person.ask("GET", "/api/v1/licences")).licences.length === 1);
    await later.page.goto(`${shop}library`);
    await signInToShop(later.page, "unlucky");
    await later.page.getByRole("link", { name: "Open Insight Pro" }).click();
    await chooseKey(later.page, "account");
    await later.page.getByRole("button", { name: "Open", exact: true }).click();
    await readFile(later.page, GCODE);
    await later.context.close();
  });

  test("a page that dies with the wallet open pays once, whatever key is chosen after", async () => {
    const { page, wallet, context } = await newcomer("reborn", { wallet: { account: chain.another } });
    await chain.pause(true);
    await toBuying(page, "Insight Pro");
    await chooseKey(page, "phrase");
    const sent = new Promise((resolve) => {
      wallet.beforeAnswer = async (method) => {
        if (method !== "eth_sendTransaction") return;
        resolve();
        await new Promise(() => {});
      };
    });
    await payButton(page).click();
    await Promise.race([sent, failure(page).then(({ text }) => assert.fail(text))]);
    let looked = false;
    wallet.beforeAnswer = (method) => void (looked ||= method === "eth_call");
    await page.goto(`${shop}library`);
    await signInToShop(page, "reborn");
    await toOffer(page, "Insight Pro");
    await page.getByText("You began to pay for this.").waitFor();
    // The page looks once by itself; what is mined later is found when it is to be paid.
    await until(() => looked);
    assert.equal(await payButton(page).count(), 0);
    await picture(page, "chain-begun");
    await chain.mine(1);
    await chain.pause(false);
    await page.getByRole("button", { name: "The wallet sent nothing: pay now" }).click();
    await chooseKey(page, "browser");
    await payButton(page).click();
    assert.equal((await failure(page)).code, "already_purchased");
    await toOffer(page, "Insight Pro");
    await page.getByText("The chain says that you have paid for this.").waitFor();
    await picture(page, "chain-had");
    await chain.mine(NEEDED);
    const person = await signIn(store, "reborn");
    await until(async () => (await person.ask("GET", "/api/v1/licences")).licences.length === 1);
    await toOffer(page, "Insight Pro");
    await page.getByText("You have this.").waitFor();
    assert.equal(sentBy(wallet).length, 1);
    assert.equal(await page.evaluate(() => localStorage.length), 0);
    await context.close();
  });

  test("a payment that was sped up in the wallet counts by its other hash", async () => {
    const { page, context } = await newcomer("hasty");
    await chain.pause(true);
    const tx = await pay(page, "Insight Pro", "browser");
    await state(page, "Sent, waiting for a block");
    const { from, to, input: data, value, nonce, gas, maxFeePerGas } = await chain.rpc("eth_getTransactionByHash", tx);
    const dearer = `0x${(3n * BigInt(maxFeePerGas)).toString(16)}`;
    await chain.rpc("eth_sendTransaction", { from, to, data, value, nonce, gas, maxFeePerGas: dearer, maxPriorityFeePerGas: dearer });
    await chain.mine(1 + NEEDED);
    await chain.pause(false);
    assert.equal(await chain.rpc("eth_getTransactionReceipt", tx), null);
    await state(page, "Paid by another transaction");
    await picture(page, "chain-replaced");
    await page.getByRole("link", { name: "Open it here" }).waitFor();
    assert.equal(await page.evaluate(() => localStorage.length), 0);
    await context.close();
  });

  test("a payment on its way can be taken off the list", async () => {
    const { page, context } = await newcomer("tidy");
    await chain.pause(true);
    await pay(page, "Insight Pro", "browser");
    await page.getByRole("navigation", { name: "Shop" }).getByRole("link", { name: "Library" }).click();
    await page.getByRole("heading", { name: "Payments on their way" }).waitFor();
    await page.getByRole("button", { name: "Remove the payment for Insight Pro from this list" }).click();
    await page.getByRole("heading", { name: "Payments on their way" }).waitFor({ state: "detached" });
    assert.equal(await page.evaluate(() => localStorage.length), 0);
    await chain.mine(1);
    await chain.pause(false);
    await context.close();
  });

  test("tokens that were withdrawn already are given back out of the seller's wallet", async () => {
    await mint(chain, chain.buyer, 2_500_000n);
    const buyer = await newcomer("regret");
    const tx = await pay(buyer.page, "Insight for USDC", "browser");
    await chain.mine(NEEDED);
    await state(buyer.page, "Paid");
    const before = await tokens(chain, chain.buyer);
    await buyer.context.close();

    const { page, wallet, context } = await selling("token", chain.publisher);
    await page.getByRole("button", { name: "Withdraw USDC" }).click();
    await page.getByText("went to").waitFor();
    const row = page.getByRole("list", { name: "Payments" }).getByRole("listitem").filter({ hasText: tx.slice(0, 8) });
    // What the shop knows of the contract's balances may be a little old.
    const person = await signIn(store, "token");
    await until(async () => (await person.ask("GET", `/api/v1/payments/${tx}`)).payments[0].refund_approve);
    await row.getByRole("button", { name: "Give it back…" }).click();
    wallet.account = chain.another;
    await row.getByRole("button", { name: "Give it back", exact: true }).click();
    assert.equal((await failure(page)).code, "wallet_other_account");
    wallet.account = chain.publisher;
    await row.getByRole("button", { name: "Give it back", exact: true }).click();
    await row.getByText(/^Given back\./).waitFor();
    assert.deepEqual(sentBy(wallet).map(({ to }) => to.toLowerCase()), [chain.contract, chain.usdc, chain.contract]);
    assert.equal((await tokens(chain, chain.buyer)) - before, 2_500_000n);
    assert.equal(await row.getByRole("button").count(), 0, "it is not given back twice");
    await context.close();
  });

  test("a treasury that sells is told what went out and what is left, to the wei", async () => {
    const own = await sellOnChain(market, { name: "operator", title: "Insight House", price: "0.25", payout: chain.treasury });
    const { curve, public_key } = JSON.parse(await read(path.join(ROOT, "tests/vectors/chain.json"), "utf8")).buyer_keys[0];
    const { calls } = await own.ask("GET", `/api/v1/listings/${own.listing.id}/offer?curve=${curve}&public_key=${public_key}`);
    const { to, data, value } = calls.purchase;
    await chain.send({ from: chain.buyer, to, data, value });
    const all = await held(chain, chain.treasury);
    const earned = ((COIN / 4n) * 85n) / 100n;
    assert.ok(all > earned);
    await until(async () => {
      const { balances } = await own.ask("GET", `/api/v1/chain/balances/${chain.treasury}`);
      return balances[0].available === String(all);
    });
    const { page, context } = await selling("operator", chain.treasury);
    await page.getByRole("button", { name: "Withdraw ETH" }).click();
    await page.getByText(/0\.2125 ETH went to .* more is there/).waitFor();
    assert.equal(await held(chain, chain.treasury), all - earned);
    await picture(page, "chain-treasury");
    await page.getByRole("button", { name: "Withdraw ETH" }).click();
    await page.locator('[data-balance="ETH"]').waitFor({ state: "detached" });
    assert.equal(await held(chain, chain.treasury), 0n);
    await context.close();
  });

  test("what was given back is shown to both, and withdrawing pays what is left to the wei", async () => {
    const buyer = await newcomer("returner");
    const tx = await pay(buyer.page, "Insight Pro", "browser");
    await chain.mine(NEEDED);
    await state(buyer.page, "Paid");
    await buyer.page.getByRole("link", { name: "Open it here" }).waitFor();

    const { page, context } = await openPage(browser);
    await putWallet(context, chain, { account: chain.publisher });
    await page.goto(`${shop}sales`);
    await signInToShop(page, "insight");
    const row = page.getByRole("list", { name: "Payments" }).getByRole("listitem").filter({ hasText: tx.slice(0, 8) });
    await row.getByText("Paid", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Connect" }).click();
    await page.locator('[data-balance="ETH"]').waitFor();
    await picture(page, "chain-sales");
    await row.getByRole("button", { name: "Give it back…" }).click();
    await picture(page, "chain-refund");
    const before = await chain.coins(chain.buyer);
    await row.getByRole("button", { name: "Give it back", exact: true }).click();
    await row.getByText(/^Given back\./).waitFor();
    assert.equal(await row.getByRole("button").count(), 0, "it is not given back twice");
    assert.equal((await chain.coins(chain.buyer)) - before, PRICE);
    await chain.mine(NEEDED);

    await until(async () => (await seller.ask("GET", `/api/v1/payments/${tx}`)).payments[0].state === "refunded");
    await buyer.page.goto(`${shop}payments/${tx}`);
    await state(buyer.page, "Given back");
    await picture(buyer.page, "chain-refunded");
    await buyer.page.getByRole("link", { name: "Library" }).click();
    await signInToShop(buyer.page, "returner");
    await buyer.page.getByText("Its payment was given back.").waitFor();
    await picture(buyer.page, "chain-library");
    await buyer.context.close();

    const available = await held(chain, chain.publisher);
    assert.ok(available > 0n && available % (PRICE * 85n / 100n) === 0n, String(available));
    await page.reload();
    await signInToShop(page, "insight");
    await page.getByRole("button", { name: "Connect" }).click();
    const had = await chain.coins(chain.publisher);
    await page.getByRole("button", { name: "Withdraw ETH" }).click();
    await page.getByText("went to").waitFor();
    const receipt = await chain.rpc("eth_getTransactionReceipt", await lastHash());
    const gas = BigInt(receipt.gasUsed) * BigInt(receipt.effectiveGasPrice);
    assert.equal((await chain.coins(chain.publisher)) + gas - had, available);
    await page.locator('[data-balance="ETH"]').waitFor({ state: "detached" });
    assert.equal(await held(chain, chain.publisher), 0n);
    await picture(page, "chain-withdrawn");
    await context.close();

    async function lastHash() {
      const block = await chain.rpc("eth_getBlockByNumber", "latest", false);
      return block.transactions[0];
    }
  });

  test("a seller sets who is paid and puts a plugin on the chain by the page", async () => {
    await sellOnChain(market, { name: "starter", title: "Insight Start", price: "0.5", listed: false });
    const { page, context } = await openPage(browser);
    const wallet = await putWallet(context, chain, { account: chain.publisher });
    await page.goto(`${shop}sales`);
    await signInToShop(page, "starter");
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByRole("button", { name: "Set an address" }).click();
    await page.getByRole("button", { name: "Take the connected account" }).click();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Not in the contract yet").waitFor();
    await picture(page, "chain-listing");
    await page.getByRole("button", { name: "Put it on the chain" }).click();
    await page.getByText("Sold on the chain").waitFor();
    assert.deepEqual(sentBy(wallet).map(({ to }) => to.toLowerCase()), [chain.contract]);
    await context.close();
    const buyer = await newcomer("first");
    await pay(buyer.page, "Insight Start", "browser");
    await chain.mine(NEEDED);
    await state(buyer.page, "Paid");
    await buyer.context.close();
  });

  test("a site of somebody's own pays as the guide says", async () => {
    const guide = await read(path.join(ROOT, "docs/sdk-guide.md"), "utf8");
    const [, code] = /^```js pay\.js\n(.*?)^```$/ms.exec(guide);
    const script = code.replaceAll("https://store.example", store.url).replaceAll("com.publisher.adder", "org.example.insight");
    const site = await startSite("pages/pay.mjs", { "/pay.js": script }, { connect: store.url });
    const { page, seen, context } = await openPage(browser);
    try {
      const wallet = await putWallet(context, chain);
      await page.goto(site.url);
      await page.waitForFunction(() => globalThis.ready);
      const bought = page.evaluate(() => globalThis.bought());
      await until(() => sentBy(wallet).length === 1);
      await chain.mine(NEEDED);
      const { said, kept, name } = await bought;
      assert.match(kept, /^0x[0-9a-f]{64}$/);
      await page.reload();
      await page.waitForFunction(() => globalThis.ready);
      assert.equal((await page.evaluate(() => globalThis.bought())).kept, kept);
      assert.equal(sentBy(wallet).length, 1, "after a reload it goes on, and pays nothing");
      assert.deepEqual(said.slice(0, 5), ["connect", "switch", "check", "confirm", "sent"]);
      assert.equal(name, "G-code Insight");
      assert.deepEqual(seen.errors, []);
    } finally {
      await context.close();
      site.stop();
    }
  });

  test("a chain that takes a payment back stops its licence, and says why", async () => {
    const { page, context } = await newcomer("undone");
    const snapshot = await chain.rpc("evm_snapshot");
    await pay(page, "Insight Pro", "browser");
    await chain.mine(NEEDED);
    await state(page, "Paid");
    await page.getByRole("link", { name: "Open it here" }).waitFor();
    await chain.rpc("evm_revert", snapshot);
    await chain.mine(NEEDED + 4);
    const person = await signIn(store, "undone");
    await until(async () => (await person.ask("GET", "/api/v1/licences")).licences[0].state === "suspended");
    await page.getByRole("navigation", { name: "Shop" }).getByRole("link", { name: "Library" }).click();
    await page.getByText("The chain took its payment back").waitFor();
    await picture(page, "chain-undone");
    await context.close();
  });

  test("on a phone, in the dark, by the keyboard: nothing is cut off, and everything has a name", async () => {
    const { page, context } = await newcomer("phone", { viewport: { width: 360, height: 740 }, colorScheme: "dark" });
    const check = async () => {
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
      const nameless = await page.evaluate(() =>
        [...document.querySelectorAll("input, button, a, textarea, progress")]
          .filter((each) => !(each.labels?.length || each.textContent.trim() || each.getAttribute("aria-label")))
          .map((each) => each.outerHTML),
      );
      assert.deepEqual(nameless, []);
    };
    await toBuying(page, "Insight Pro");
    await chooseKey(page, "browser");
    await picture(page, "chain-phone-buy");
    await check();
    await payButton(page).focus();
    await page.keyboard.press("Enter");
    await state(page, /confirmations$/);
    await picture(page, "chain-phone-confirming");
    await check();
    await chain.mine(NEEDED);
    await state(page, "Paid");
    await check();
    await page.goto(`${shop}sales`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await check();
    await context.close();
  });
});
