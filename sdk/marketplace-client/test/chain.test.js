import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { generateSecretKey, walletFromPrivateKey, wrapMarketplaceDEK } from "@sealpost/plugin-sdk";

import { boughtBy, checkOffer, coinOf, discoverWallets, inBlock, payWithWallet, purchase, sendCall, sendRefund, watchWallets, withdrawnBy } from "../index.js";
import { allowanceData, approveData, listData, purchaseData, readText, refundData, withdrawData } from "../src/chain/abi.js";
import { ACCOUNT, CHAIN, CONTRACT, TOKEN, chain, ethereum } from "./kit/ethereum.js";
import { storeThatSays } from "./kit/server.js";

/** @typedef {import("../index.js").ChainOffer} ChainOffer */

const vectors = JSON.parse(readFileSync(new URL("../../../tests/vectors/chain.json", import.meta.url), "utf8"));
const [{ public_key, on_chain }] = vectors.buyer_keys;
const key = /** @type {const} */ ({ curve: "secp256k1", public_key });
const TX = `0x${"ab".repeat(32)}`;

/**
 * @param {Partial<ChainOffer>} [change]
 * @returns {Promise<ChainOffer>}
 */
async function offer({ token, ...change } = {}) {
  const amount = token ? "2500000" : "1000000000000000";
  const item = vectors.items[1];
  const data = await purchaseData(item.item, on_chain, amount);
  const value = token ? "0x0" : `0x${BigInt(amount).toString(16)}`;
  return {
    listing: "li_1",
    chain_id: CHAIN,
    contract: CONTRACT,
    item: item.item,
    item_text: item.text,
    version: "1.0.0",
    publisher: ACCOUNT,
    ...(token && { token }),
    currency: token ? "USDC" : "ETH",
    decimals: token ? 6 : 18,
    amount,
    listed: "yes",
    calls: {
      ...(token && { approve: { chain_id: CHAIN, to: token, data: await approveData(CONTRACT, amount), value: "0x0" } }),
      purchase: { chain_id: CHAIN, to: CONTRACT, data, value },
    },
    ...change,
  };
}

describe("paying with a wallet", () => {
  it("writes the calls that others write", async () => {
    const write = {
      purchase: (/** @type {any} */ { item, buyer_key, amount }) => purchaseData(item, buyer_key, amount),
      approve: (/** @type {any} */ { spender, amount }) => approveData(spender, amount),
      allowance: (/** @type {any} */ { owner, spender }) => allowanceData(owner, spender),
      list: (/** @type {any} */ { item, token, amount }) => listData(item, token, amount),
      refund: (/** @type {any} */ { item, buyer_key, receipt }) => refundData(item, buyer_key, receipt),
      withdraw: () => withdrawData(),
      withdrawToken: (/** @type {any} */ { token }) => withdrawData(token),
    };
    assert.equal(vectors.calls.length, 22);
    for (const call of vectors.calls) {
      assert.equal(await write[/** @type {keyof typeof write} */ (call.call)](call), call.data, call.call);
    }
  });

  it("sends the price in the coin, and tells the transaction at once", async () => {
    const [provider, states] = [ethereum(), /** @type {any[]} */ ([])];
    const paid = await payWithWallet(provider, await offer(), { chain, key, onState: (state) => states.push(state) });
    assert.match(paid.txHash, /^0x[0-9a-f]{64}$/);
    assert.deepEqual(states.map(({ name }) => name), ["connect", "switch", "check", "confirm", "sent"]);
    assert.deepEqual(states.at(-1), { name: "sent", ...paid });
    const value = "0x38d7ea4c68000";
    assert.deepEqual(provider.sent, [
      { from: ACCOUNT, to: CONTRACT, data: await purchaseData(vectors.items[1].item, on_chain, "1000000000000000"), value },
    ]);
    assert.equal(provider.asked.some(({ method }) => method === "wallet_switchEthereumChain"), false);
  });

  it("allows the contract to take a token's price, exactly, and only where it may not yet", async () => {
    const first = ethereum();
    await payWithWallet(first, await offer({ token: TOKEN }), { chain, key });
    assert.deepEqual(first.sent.map(({ to, value }) => [to, value]), [[TOKEN, "0x0"], [CONTRACT, "0x0"]]);
    assert.equal(first.sent[0].data, await approveData(CONTRACT, "2500000"));
    const allowed = ethereum({ allowance: 2_500_000n });
    await payWithWallet(allowed, await offer({ token: TOKEN }), { chain, key });
    assert.deepEqual(allowed.sent.map(({ to }) => to), [CONTRACT]);
  });

  it("takes back what is left of an older allowance first, which tokens such as USDT ask for", async () => {
    const left = ethereum({ allowance: 1n });
    const states = /** @type {string[]} */ ([]);
    await payWithWallet(left, await offer({ token: TOKEN }), { chain, key, onState: ({ name }) => states.push(name) });
    assert.deepEqual(left.sent.map(({ to, value }) => [to, value]), [[TOKEN, "0x0"], [TOKEN, "0x0"], [CONTRACT, "0x0"]]);
    assert.deepEqual(left.sent.slice(0, 2).map(({ data }) => data), [await approveData(CONTRACT, "0"), await approveData(CONTRACT, "2500000")]);
    assert.deepEqual(states, ["connect", "switch", "check", "approve", "approving", "approve", "approving", "confirm", "sent"]);
  });

  it("has the wallet change to the store's chain, and sends nothing on another", async () => {
    const elsewhere = ethereum({ chainId: 1 });
    await payWithWallet(elsewhere, await offer(), { chain, key });
    assert.deepEqual(elsewhere.asked.find(({ method }) => method === "wallet_switchEthereumChain")?.params, [{ chainId: "0x7a69" }]);
    const stubborn = ethereum({ chainId: 1, stubborn: true });
    await assert.rejects(payWithWallet(stubborn, await offer(), { chain, key }), { code: "wallet_wrong_chain" });
    const unwilling = ethereum({ chainId: 1, refuses: ["wallet_switchEthereumChain"] });
    await assert.rejects(payWithWallet(unwilling, await offer(), { chain, key }), { code: "wallet_rejected" });
    assert.deepEqual([stubborn.sent, unwilling.sent], [[], []]);
  });

  it("takes a no for a no", async () => {
    for (const method of ["eth_requestAccounts", "eth_sendTransaction"]) {
      const states = /** @type {string[]} */ ([]);
      const paying = payWithWallet(ethereum({ refuses: [method] }), await offer(), { chain, key, onState: ({ name }) => states.push(name) });
      await assert.rejects(paying, { code: "wallet_rejected" });
      assert.equal(states.includes("sent"), false);
    }
  });

  it("tells who has too little before the wallet is asked", async () => {
    const poor = [ethereum({ coin: 999_999_999_999_999n }), ethereum({ token: 2_499_999n })];
    const offers = [await offer(), await offer({ token: TOKEN })];
    for (const [at, provider] of poor.entries()) {
      await assert.rejects(payWithWallet(provider, /** @type {ChainOffer} */ (offers[at]), { chain, key }), { code: "funds_too_low" });
      assert.deepEqual(provider.sent, []);
    }
  });

  it("buys nothing twice for one key", async () => {
    const provider = ethereum({ bought: true });
    await assert.rejects(payWithWallet(provider, await offer(), { chain, key }), { code: "already_purchased" });
    assert.deepEqual(provider.sent, []);
  });

  it("buys nothing where another key of the same buyer has it, and says which", async () => {
    const other = { curve: vectors.buyer_keys[1].curve, public_key: vectors.buyer_keys[1].public_key };
    const provider = ethereum({ bought: vectors.buyer_keys[1].on_chain });
    const paying = payWithWallet(provider, await offer(), { chain, key, mine: [other] });
    await assert.rejects(paying, { code: "already_purchased", detail: other });
    assert.deepEqual(provider.sent, []);
    assert.deepEqual(await boughtBy(provider, await offer(), [key, other]), [other]);
    await payWithWallet(provider, await offer(), { chain, key });
    assert.equal(provider.sent.length, 1);
  });

  it("asks a token what it is, and pays in none that is another one than the store says", async () => {
    const wrong = [{ symbol: "WBTC" }, { decimals: 8n }, { symbol: "" }, { decimals: 2n ** 255n }];
    for (const state of wrong) {
      const provider = ethereum(state);
      await assert.rejects(payWithWallet(provider, await offer({ token: TOKEN }), { chain, key }), { code: "token_differs" });
      assert.deepEqual(provider.sent, []);
    }
    await payWithWallet(ethereum({ symbol: "usd.c" }), await offer({ token: TOKEN }), { chain, key });
    assert.equal(readText(`0x${Buffer.from("MKR").toString("hex").padEnd(64, "0")}`), "MKR");
    assert.equal(readText("0x"), "");
  });

  it("names the coin by the chain, whatever the store calls it", async () => {
    assert.deepEqual([1, 137, 8453, 999_999].map(coinOf), ["ETH", "POL", "ETH", undefined]);
    const called = async (/** @type {string} */ symbol, chain_id = CHAIN, decimals = 18) => {
      const given = await offer({ currency: symbol, chain_id, decimals });
      const calls = { purchase: { .../** @type {any} */ (given.calls).purchase, chain_id } };
      return checkOffer({ ...given, calls }, { ...chain, chain_id, coin: { symbol, decimals } }, key);
    };
    await assert.rejects(called("DAI"), { code: "offer_unexpected" });
    await assert.rejects(called("ETH", 137), { code: "offer_unexpected" });
    await assert.rejects(called("ETH", 1, 6), { code: "offer_unexpected" });
    await called("MATIC", 137);
    await called("DUCK", 999_999);
  });

  it("waits for no transaction that the wallet replaced, and goes on where it came to pass all the same", async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const patient = async (/** @type {Promise<any>} */ waiting) => {
      let done = false;
      const end = waiting.finally(() => (done = true)).catch((error) => error);
      while (!done) {
        await new Promise((resolve) => setImmediate(resolve));
        context.mock.timers.tick(10_000);
      }
      return end;
    };
    const replaced = ethereum({ replaced: true });
    assert.equal((await patient(inBlock(replaced, TX, { account: ACCOUNT }))).code, "transaction_replaced");
    assert.equal(await patient(inBlock(replaced, TX, { account: ACCOUNT, holds: async () => true })), undefined);
    assert.equal((await patient(inBlock(replaced, TX, { patience: 0 }))).code, "transaction_waiting");
  });

  it("buys nothing where the approval failed in its block, or another account is shown", async () => {
    const failing = ethereum({ status: "0x0" });
    await assert.rejects(payWithWallet(failing, await offer({ token: TOKEN }), { chain, key }), { code: "transaction_failed" });
    assert.deepEqual(failing.sent.map(({ to }) => to), [TOKEN]);
    const other = ethereum();
    await assert.rejects(payWithWallet(other, await offer(), { chain, key, account: CONTRACT }), { code: "wallet_other_account" });
    assert.deepEqual(other.sent, []);
  });

  it("shows no wallet an offer that is not what it says", async () => {
    const [coin, token] = [await offer(), await offer({ token: TOKEN })];
    const { purchase } = /** @type {NonNullable<ChainOffer["calls"]>} */ (coin.calls);
    const { approve } = /** @type {NonNullable<ChainOffer["calls"]>} */ (token.calls);
    const other = vectors.buyer_keys[1];
    const paying = (/** @type {object} */ change) => ({ ...coin, calls: { purchase: { ...purchase, ...change } } });
    const approving = (/** @type {object} */ change) => ({ ...token, calls: { ...token.calls, approve: { ...approve, ...change } } });
    const wrong = /** @type {Record<string, any>} */ ({
      "another chain": { ...coin, chain_id: 1 },
      "another contract": { ...coin, contract: TOKEN },
      "a token the store does not name": await offer({ token: ACCOUNT }),
      "another symbol": { ...coin, currency: "USDC" },
      "other decimals": { ...token, decimals: 18 },
      "another item": { ...coin, item: vectors.items[2].item },
      "another version": { ...coin, version: "1.0.1" },
      "no amount": { ...coin, amount: "0" },
      "an amount that is no number": { ...coin, amount: "1e3" },
      "a call of another chain": paying({ chain_id: 1 }),
      "a call to somebody else": paying({ to: ACCOUNT }),
      "more coin than the price": paying({ value: "0x38d7ea4c68001" }),
      "another buyer's key": paying({ data: await purchaseData(coin.item, other.on_chain, coin.amount) }),
      "another amount": paying({ data: await purchaseData(coin.item, on_chain, "1") }),
      "another function": paying({ data: await withdrawData() }),
      "an approval without end": approving({ data: await approveData(CONTRACT, String(2n ** 256n - 1n)) }),
      "an approval for somebody else": approving({ data: await approveData(ACCOUNT, token.amount) }),
      "an approval of another token": approving({ to: CONTRACT }),
      "an approval where there is no token": { ...coin, calls: { ...coin.calls, approve } },
      "no calls": { ...coin, calls: undefined },
    });
    for (const [what, given] of Object.entries(wrong)) {
      const provider = ethereum();
      await assert.rejects(payWithWallet(provider, given, { chain, key }), { code: "offer_unexpected" }, what);
      assert.deepEqual(provider.asked, [], what);
    }
    for (const listed of /** @type {const} */ (["no", "differs"])) {
      await assert.rejects(checkOffer({ ...coin, listed }, chain, key), { code: "offer_not_listed" });
    }
    await assert.doesNotReject(checkOffer({ ...coin, contract: CONTRACT.toUpperCase().replace("0X", "0x") }, chain, key));
  });

  it("sends a seller's calls that are what they are called, and no others", async () => {
    const call = { chain_id: CHAIN, to: CONTRACT, data: await withdrawData(), value: "0x0" };
    const provider = ethereum();
    await sendCall(provider, "withdraw", call, { chain });
    assert.deepEqual(provider.sent, [{ from: ACCOUNT, to: CONTRACT, data: "0x3ccfd60b", value: "0x0" }]);
    const approve = await approveData(ACCOUNT, "1");
    const wrong = [{ chain_id: 1 }, { to: TOKEN }, { value: "0x1" }, { data: approve }, { data: await withdrawData(TOKEN) }, { data: `${call.data}00` }];
    for (const change of wrong) {
      const asked = ethereum();
      await assert.rejects(sendCall(asked, "withdraw", { ...call, ...change }, { chain }), { code: "offer_unexpected" });
      assert.deepEqual(asked.asked, []);
    }
    await assert.rejects(sendCall(ethereum({ status: "0x0" }), "withdraw", call, { chain }), { code: "transaction_failed" });
  });

  it("lists what was shown, for the price that was shown", async () => {
    for (const token of [undefined, TOKEN]) {
      const shown = await offer({ ...(token && { token }), listed: "no" });
      const listing = async (/** @type {Partial<ChainOffer>} */ change) => {
        const { item, amount, ...meant } = { ...shown, ...change };
        return { chain_id: CHAIN, to: CONTRACT, data: await listData(item, meant.token, amount), value: "0x0" };
      };
      const provider = ethereum();
      await sendCall(provider, "list", await listing({}), { chain, offer: shown });
      assert.equal(provider.sent.length, 1);
      const wrong = [
        listing({ amount: "1" }),
        listing({ item: vectors.items[2].item }),
        listing({ token: token ? undefined : TOKEN }),
        listing({}).then((call) => ({ ...call, value: "0x1" })),
        listing({}).then((call) => ({ ...call, to: TOKEN })),
      ];
      for (const call of wrong) {
        const asked = ethereum();
        await assert.rejects(sendCall(asked, "list", await call, { chain, offer: shown }), { code: "offer_unexpected" });
        assert.deepEqual(asked.asked, []);
      }
      const other = { ...shown, item_text: "com.publisher.my-plugin@9.9.9" };
      await assert.rejects(sendCall(ethereum(), "list", await listing({}), { chain, offer: other }), { code: "offer_unexpected" });
      await assert.rejects(sendCall(ethereum(), "list", await listing({}), { chain }), { code: "bad_argument" });
    }
  });

  it("tells what a withdrawal took out by its receipt", async () => {
    const topic = "0xa4195c37c2947bbe89165f03e320b6903116f0b10d8cfdb522330f7ce6f9fa24";
    const data = `0x${"0".repeat(64)}${(7n).toString(16).padStart(64, "0")}`;
    const log = { address: CONTRACT, topics: [topic, "0x", "0x"], data };
    assert.equal(await withdrawnBy({ status: "0x1", logs: [log, { ...log, address: TOKEN }, { ...log, topics: ["0x00"] }] }, CONTRACT), 7n);
    assert.equal(await withdrawnBy({ status: "0x1" }, CONTRACT), 0n);
  });
});

describe("giving a payment back", () => {
  const PAYER = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
  const at = "2026-11-21T10:00:00Z";
  /** @param {{ token?: string, missing?: bigint }} [options] */
  async function paid({ token, missing = 0n } = {}) {
    const { item } = vectors.items[1];
    const receipt = { payer: PAYER, publisher: ACCOUNT, ...(token && { token }), amount: "2500000", fee: "375000", paidAt: Date.parse(at) / 1000 };
    const refund = { chain_id: CHAIN, to: CONTRACT, data: await refundData(item, on_chain, receipt), value: token ? "0x0" : `0x${missing.toString(16)}` };
    const approve = token && missing > 0n ? { refund_approve: { chain_id: CHAIN, to: token, data: await approveData(CONTRACT, String(missing)), value: "0x0" } } : {};
    const { paidAt, ...facts } = receipt;
    return { tx_hash: TX, index: 0, state: /** @type {const} */ ("settled"), confirmations: 12, chain_id: CHAIN, item, buyer_key: on_chain, paid_at: at, ...facts, refund, ...approve };
  }
  const stands = { bought: true };

  it("allows the contract what is missing of a token first, and only that", async () => {
    const provider = ethereum(stands);
    const states = /** @type {string[]} */ ([]);
    await sendRefund(provider, await paid({ token: TOKEN, missing: 2_000_000n }), { chain, onState: ({ name }) => states.push(name) });
    assert.deepEqual(provider.sent.map(({ to }) => to), [TOKEN, CONTRACT]);
    assert.equal(provider.sent[0].data, await approveData(CONTRACT, "2000000"));
    assert.deepEqual(states, ["connect", "switch", "check", "approve", "approving", "confirm", "sent"]);
    const allowed = ethereum({ ...stands, allowance: 2_000_000n });
    await sendRefund(allowed, await paid({ token: TOKEN, missing: 2_000_000n }), { chain });
    assert.deepEqual(allowed.sent.map(({ to }) => to), [CONTRACT]);
    const poor = ethereum({ ...stands, token: 1n });
    await assert.rejects(sendRefund(poor, await paid({ token: TOKEN, missing: 2n }), { chain }), { code: "funds_too_low" });
    assert.deepEqual(poor.sent, []);
  });

  it("is for the account that was paid or the contract's owner, while the sale stands", async () => {
    const stranger = ethereum({ ...stands, account: PAYER });
    await assert.rejects(sendRefund(stranger, await paid(), { chain }), { code: "wallet_other_account" });
    const owner = ethereum({ ...stands, account: PAYER, owner: PAYER });
    assert.equal((await sendRefund(owner, await paid(), { chain })).account, PAYER);
    const gone = ethereum();
    await assert.rejects(sendRefund(gone, await paid(), { chain }), { code: "not_purchased" });
    assert.deepEqual([stranger.sent, gone.sent], [[], []]);
  });

  it("shows no wallet another refund than the one that was asked for", async () => {
    const [coin, token] = [await paid({ missing: 5n }), await paid({ token: TOKEN, missing: 5n })];
    const refunding = (/** @type {object} */ change) => ({ ...coin, refund: { ...coin.refund, ...change } });
    const approving = (/** @type {object} */ change) => ({ ...token, refund_approve: { ...token.refund_approve, ...change } });
    const wrong = /** @type {any[]} */ ([
      refunding({ to: TOKEN }),
      refunding({ chain_id: 1 }),
      refunding({ value: "0x2625a1" }),
      refunding({ data: token.refund.data }),
      { ...coin, amount: "2500001" },
      { ...coin, payer: ACCOUNT },
      { ...coin, item: vectors.items[2].item },
      { ...coin, buyer_key: vectors.buyer_keys[1].on_chain },
      { ...coin, paid_at: "2026-11-21T10:00:01Z" },
      { ...coin, refund_approve: token.refund_approve },
      approving({ to: CONTRACT }),
      approving({ data: await approveData(PAYER, "5") }),
      approving({ data: await approveData(CONTRACT, "2500001") }),
    ]);
    for (const payment of wrong) {
      const provider = ethereum(stands);
      await assert.rejects(sendRefund(provider, payment, { chain }), { code: "offer_unexpected" });
      assert.deepEqual(provider.asked, []);
    }
    await assert.rejects(sendRefund(ethereum(stands), { ...coin, refund: undefined }, { chain }), { code: "refund_not_offered" });
  });
});

describe("the wallets of a browser", () => {
  /**
   * @param {import("node:test").TestContext} context
   * @param {object} [older]
   */
  function page(context, older) {
    const target = new EventTarget();
    const methods = /** @type {const} */ (["addEventListener", "removeEventListener", "dispatchEvent"]);
    for (const name of methods) Object.assign(globalThis, { [name]: target[name].bind(target) });
    if (older) Object.assign(globalThis, { ethereum: older });
    context.after(() => [...methods, "ethereum"].forEach((name) => Reflect.deleteProperty(globalThis, name)));
    const announce = (/** @type {unknown} */ detail) => target.dispatchEvent(Object.assign(new Event("eip6963:announceProvider"), { detail }));
    return { target, announce };
  }
  const info = (/** @type {number} */ number, name = `Wallet ${number}`) => ({ uuid: `uuid-${number}`, name, icon: "data:,", rdns: `org.example.w${number}` });

  it("are those that announce themselves, each once, late ones too", async (context) => {
    const { target, announce } = page(context);
    const [first, second] = [ethereum(), ethereum()];
    target.addEventListener("eip6963:requestProvider", () => announce({ info: info(1), provider: first }));
    const told = /** @type {string[][]} */ ([]);
    const stop = watchWallets((wallets) => told.push(wallets.map(({ name }) => name)));
    announce({ info: info(1), provider: first });
    announce({ info: info(2, ` ${"x".repeat(500)}`), provider: second });
    for (const broken of [undefined, {}, { info: info(3) }, { info: {}, provider: second }, { info: info(4), provider: {} }]) announce(broken);
    stop();
    announce({ info: info(5), provider: second });
    assert.deepEqual(told, [["Wallet 1"], ["Wallet 1", "x".repeat(60)]]);
    const [found] = await discoverWallets({ patience: 0 });
    assert.equal(found?.provider, first);
    assert.equal(found?.rdns, "org.example.w1");
  });

  it("are the one that older wallets put into the page, where none announces itself", async (context) => {
    const older = ethereum();
    const { announce } = page(context, older);
    assert.deepEqual((await discoverWallets({ patience: 0 })).map(({ id, provider }) => [id, provider]), [["window.ethereum", older]]);
    const told = /** @type {number[]} */ ([]);
    const stop = watchWallets((wallets) => told.push(wallets.length));
    announce({ info: info(1), provider: older });
    stop();
    assert.deepEqual(told, [1, 1]);
  });

  it("are none outside of pages", async () => {
    assert.deepEqual(await discoverWallets({ patience: 0 }), []);
  });
});

describe("a payment on chain, by recorded answers", () => {
  const pending = (/** @type {string} */ detail, wait = "0") => ({
    status: 409,
    body: { code: "payment_pending", title: "The payment does not count yet", detail, hint: "Ask again." },
    headers: { "retry-after": wait },
  });
  const payment = (/** @type {object} */ more) => ({ tx_hash: TX, state: "confirming", confirmations: 0, needed: 12, chain_id: CHAIN, ...more });
  const bought = (/** @type {string} */ state, /** @type {object} */ more = {}) => ({
    status: 200,
    body: { purchase: { id: "pu_1", listing: "li_1", method: "chain", state, created_at: "" }, licence: null, payment: payment(more) },
  });
  const every = 0;

  it("is waited for while the store says that it is pending, each time by a new question", async (context) => {
    const done = { status: 200, body: { licence: "lc_1", blobUrl: "/b", bundle: { blobUrl: "/b" } } };
    const { origin, heard } = await storeThatSays(context, pending("not in a block"), pending("2 of 12 confirmations"), done);
    const told = /** @type {string[]} */ ([]);
    const recipient = key;
    const answer = await purchase({ store: origin, pluginId: "p", recipient, txHash: TX, onPayment: ({ text }) => told.push(text) });
    assert.equal(answer.licence, "lc_1");
    assert.deepEqual(told, ["not in a block", "2 of 12 confirmations"]);
    assert.equal(JSON.parse(String(heard[0]?.body)).txHash, TX);
    assert.equal(new Set(heard.map(({ headers }) => headers["idempotency-key"])).size, 3);
  });

  it("is not waited for longer than was said", async (context) => {
    const { client } = await storeThatSays(context, pending("2 of 12 confirmations", "60"));
    const waiting = client.purchaseWithWallet({ pluginId: "p", recipient: key, txHash: TX, patience: 1000 });
    await assert.rejects(waiting, (/** @type {any} */ error) => error.code === "payment_pending" && error.detail.retryAfter === 60_000);
  });

  it("for an account: the purchase is looked at until it is paid, and the key is proved where the store asks for it", async (context) => {
    const wallet = await walletFromPrivateKey(await generateSecretKey("x25519"), "x25519");
    const store = await storeThatSays(
      context,
      { status: 403, body: { code: "key_not_proved", title: "Not proved" } },
      { status: 200, body: { user_id: "us_1" } },
      { status: 200, body: {} },
      { status: 200, body: { key: {}, licences: 0 } },
      { ...bought("pending", { state: "waiting" }), status: 201 },
      bought("pending", { confirmations: 3 }),
      bought("paid", { state: "settled", confirmations: 12 }),
    );
    const context_ = `sealpost-key:${store.origin}:us_1`;
    const envelope = await wrapMarketplaceDEK(new Uint8Array(32).fill(5), wallet.publicKey, context_, { curve: "x25519" });
    store.answers[2] = { status: 200, body: { envelope, context: context_, expires_in: 3600 } };
    const told = /** @type {string[]} */ ([]);
    const answer = await store.client.purchase({ pluginId: "p", wallet, txHash: TX, every, onPayment: ({ text }) => told.push(text) });
    assert.equal(answer.payment?.state, "settled");
    assert.deepEqual(told, ["the transaction is not in a block yet", "3 of 12 confirmations"]);
    assert.deepEqual(store.heard.map(({ method, path }) => `${method} ${path}`), [
      "POST /api/v1/purchases",
      "GET /api/v1/me",
      "POST /api/v1/keys/challenge",
      "POST /api/v1/keys",
      "POST /api/v1/purchases",
      "GET /api/v1/purchases/pu_1",
      "GET /api/v1/purchases/pu_1",
    ]);
    assert.deepEqual(JSON.parse(String(store.heard[4]?.body)).payment, { method: "chain", tx_hash: TX });
    assert.match(JSON.parse(String(store.heard[3]?.body)).answer, /^[0-9a-f]{64}$/);
  });

  it("that was refused or given back is told with the store's reason", async (context) => {
    const reason = { code: "payment_wrong_amount", title: "It is another amount.", hint: "Ask the publisher." };
    const { client } = await storeThatSays(context, bought("pending", { state: "refused", reason }));
    await assert.rejects(client.purchase({ pluginId: "p", txHash: TX, every }), { code: reason.code, message: reason.title, hint: reason.hint });
    const gone = await storeThatSays(context, bought("pending"), bought("refunded", { state: "refunded" }));
    await assert.rejects(gone.client.purchase({ pluginId: "p", txHash: TX, every }), { code: "payment_refused" });
    const late = await storeThatSays(context, bought("pending", { state: "undone" }));
    const told = /** @type {string[]} */ ([]);
    const waiting = late.client.purchase({ pluginId: "p", txHash: TX, every: 40, patience: 50, onPayment: ({ text }) => told.push(text) });
    await assert.rejects(waiting, { code: "payment_pending" });
    assert.match(String(told[0]), /may return/);
  });

  it("no key is proved for a store that asks for another's", async (context) => {
    const wallet = await walletFromPrivateKey(await generateSecretKey("p256"), "p256");
    const elsewhere = "sealpost-key:https://store.example:us_1";
    const envelope = await wrapMarketplaceDEK(new Uint8Array(32), wallet.publicKey, elsewhere, { curve: "p256" });
    const { client, heard } = await storeThatSays(
      context,
      { status: 200, body: { user_id: "us_1" } },
      { status: 200, body: { envelope, context: elsewhere } },
    );
    await assert.rejects(client.linkKey(wallet), { code: "key_proof_elsewhere" });
    assert.equal(heard.length, 2);
  });

  it("offers, balances, payments and payouts are asked for where they are", async (context) => {
    const { client, heard } = await storeThatSays(context, { status: 200, body: { keys: [], balances: [], payments: [] } });
    await client.chain();
    await client.offer("p", { key, version: "1.0.0" });
    await client.offer("p");
    await client.balances(ACCOUNT);
    await client.payment(TX);
    await client.payments({ listing: "li_1" });
    await client.keys();
    await client.setPayout("li_1", ACCOUNT);
    assert.deepEqual(heard.map(({ method, path }) => `${method} ${path}`), [
      "GET /api/v1/chain",
      `GET /api/v1/listings/p/offer?version=1.0.0&curve=secp256k1&public_key=${public_key}`,
      "GET /api/v1/listings/p/offer",
      `GET /api/v1/chain/balances/${ACCOUNT}`,
      `GET /api/v1/payments/${TX}`,
      "GET /api/v1/payments?listing=li_1",
      "GET /api/v1/keys/mine",
      "PUT /api/v1/listings/li_1/payout",
    ]);
    assert.deepEqual(JSON.parse(String(heard[7]?.body)), { address: ACCOUNT });
    const provider = ethereum();
    const told = await storeThatSays(context, { status: 200, body: chain });
    await told.client.payWithWallet(provider, await offer(), { key });
    assert.equal(provider.sent.length, 1);
  });
});

describe("the guide's example", () => {
  it("runs against recorded answers, and what it asserts holds", async (context) => {
    const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
    const [, code] = /^```js wallet\n(.*?)^```$/ms.exec(readme) ?? [];
    assert.ok(code);
    const [signer] = vectors.signature_wallets;
    const wallet = signer.keys[0];
    const bought = { purchase: { id: "pu_1", state: "paid" }, licence: { id: "lc_1" }, payment: {} };
    const origin = "https://store.example";
    const proof = `sealpost-key:${origin}:us_1`;
    const envelope = await wrapMarketplaceDEK(new Uint8Array(32), wallet.public_key, proof);
    const onChain = `0x${wallet.public_key}`;
    const given = await offer();
    const data = await purchaseData(given.item, onChain, given.amount);
    const answers = /** @type {Record<string, unknown>} */ ({
      "/auth/login": { token: "t", user_id: "us_1" },
      "/api/v1/me": { user_id: "us_1" },
      "/api/v1/chain": chain,
      "/api/v1/keys/mine": { keys: [{ public_key: wallet.public_key }] },
      "/api/v1/keys": { key: {}, licences: 0 },
      "/api/v1/keys/challenge": { envelope, context: proof },
      "/api/v1/listings/com.publisher.my-plugin/offer": { ...given, calls: { purchase: { ...given.calls?.purchase, data } } },
      "/api/v1/purchases": { ...bought, purchase: { id: "pu_1", state: "pending" }, licence: null },
      "/api/v1/purchases/pu_1": bought,
    });
    context.mock.method(globalThis, "fetch", async (/** @type {URL} */ url) => Response.json(answers[url.pathname] ?? assert.fail(url.pathname)));
    const told = context.mock.method(console, "info", () => {});
    const checked = context.mock.method(console, "assert", (/** @type {unknown} */ holds) => assert.ok(holds));
    const provider = ethereum();
    const signing = async (/** @type {{ method: string, params?: any }} */ request) =>
      request.method === "personal_sign" ? signer.signature : provider.request(request);
    const kept = new Map();
    const page = {
      ...{ addEventListener() {}, removeEventListener() {}, dispatchEvent() {} },
      ethereum: { request: signing },
      location: { origin },
      sessionStorage: { setItem: (/** @type {string} */ name, /** @type {string} */ value) => kept.set(name, value) },
    };
    Object.assign(globalThis, page);
    const file = fileURLToPath(new URL(`./readme-${process.pid}.mjs`, import.meta.url));
    try {
      await writeFile(file, code);
      await import(file);
    } finally {
      await rm(file, { force: true });
      for (const name of Object.keys(page)) Reflect.deleteProperty(globalThis, name);
    }
    assert.equal(checked.mock.callCount(), 1);
    assert.equal(told.mock.callCount(), 1);
    assert.equal(provider.sent[0].data, data);
    assert.match(kept.get("paid"), /^0x/);
  });
});
