// Ways into an account beside the password, by what a person sees: passkeys and wallets.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { accessible, SIZES } from "./kit/axe.mjs";
import { launch, openPage, picture } from "./kit/chromium.mjs";
import { putSigner } from "./kit/signer.mjs";
import { failure, registerInShop, signInToShop } from "./kit/shop.mjs";
import { startStore } from "./kit/store.mjs";

describe("into an account", () => {
  let store, browser, shop;

  before(async () => {
    store = await startStore();
    browser = await launch();
    // Passkeys belong to names: an address in digits has none.
    shop = `${store.url.replace("127.0.0.1", "localhost")}/shop/`;
  });
  after(async () => {
    await browser?.close();
    await store?.stop();
  });

  async function authenticator({ context, page }, { waits = false } = {}) {
    const session = await context.newCDPSession(page);
    await session.send("WebAuthn.enable");
    const options = {
      protocol: "ctap2",
      ctap2Version: "ctap2_1",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: !waits,
    };
    const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", { options });
    return {
      credentials: async () => (await session.send("WebAuthn.getCredentials", { authenticatorId })).credentials,
      verified: (isUserVerified) => session.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified }),
    };
  }

  const toAccount = async (page, name) => {
    await page.getByRole("banner").getByRole("link", { name }).click();
    await page.getByRole("heading", { name: "Account", exact: true }).waitFor();
  };
  const signOut = async (page) => {
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await page.getByRole("banner").getByRole("link", { name: "Sign in" }).waitFor();
  };

  for (const [size, options] of Object.entries(SIZES)) {
    test(`a passkey signs in without a name being typed, and no more once it is removed (${size})`, async () => {
      const opened = await openPage(browser, options);
      const { page, context } = opened;
      const keys = await authenticator(opened);
      const name = `keys-${size}`;
      await page.goto(shop);
      await registerInShop(page, name);
      await toAccount(page, name);
      await page.getByRole("button", { name: "Add a passkey" }).click();
      const passkeys = page.getByRole("region", { name: "Passkeys" });
      await passkeys.getByRole("button", { name: /^Remove / }).waitFor();
      assert.equal((await keys.credentials()).length, 1);
      assert.equal((await keys.credentials())[0].isResidentCredential, true);
      await accessible(page);
      await picture(page, `account-${size}`);

      await passkeys.getByRole("button", { name: /^Rename / }).click();
      await page.getByLabel("Name", { exact: true }).fill("My ‮phone");
      await page.getByRole("button", { name: "Rename it" }).click();
      await passkeys.getByText("phone").waitFor();

      await signOut(page);
      await page.goto(`${shop}sign-in`);
      // The browser offers it among what it fills in; where it does not, the button asks for it.
      const done = page.getByRole("banner").getByRole("link", { name });
      const button = page.getByRole("button", { name: "Sign in with a passkey" });
      await done.or(button).first().waitFor();
      if (!(await done.isVisible())) await button.click({ timeout: 2_000 }).catch(() => {});
      await done.waitFor();

      await toAccount(page, name);
      await page.getByRole("button", { name: /^Remove / }).click();
      await page.getByRole("button", { name: "Remove it" }).click();
      await passkeys.getByRole("button", { name: /^Remove / }).waitFor({ state: "detached" });
      await signOut(page);
      await page.goto(`${shop}sign-in`);
      await page.getByRole("button", { name: "Sign in with a passkey" }).click();
      assert.equal((await failure(page)).code, "passkey_unknown");
      await context.close();
    });
  }

  test("a passkey without a check of its owner is none", async () => {
    const opened = await openPage(browser);
    const { page, context } = opened;
    const keys = await authenticator(opened);
    await page.goto(shop);
    await registerInShop(page, "unverified");
    await toAccount(page, "unverified");
    await page.getByRole("button", { name: "Add a passkey" }).click();
    await page.getByRole("button", { name: /^Remove / }).waitFor();
    await keys.verified(false);
    await signOut(page);
    await page.goto(`${shop}sign-in`);
    await page.getByRole("button", { name: "Sign in with a passkey" }).click();
    assert.equal((await failure(page)).code, "passkey_cancelled");
    await context.close();
  });

  test("a wallet is linked by a sentence, signs in by another one, and no more once it is unlinked", async () => {
    const { page, context } = await openPage(browser);
    const wallet = await putSigner(context);
    await page.goto(shop);
    await registerInShop(page, "coiner");
    await toAccount(page, "coiner");
    await signOut(page);

    // Not linked yet.
    await page.goto(`${shop}sign-in`);
    await page.getByRole("button", { name: "Sign in with a crypto wallet" }).click();
    await page.getByRole("button", { name: "Sign the sentence" }).click();
    assert.equal((await failure(page)).code, "wallet_unknown");
    await signInToShop(page, "coiner");
    await toAccount(page, "coiner");

    await page.getByRole("button", { name: "Link a wallet" }).click();
    wallet.refuses = true;
    await page.getByRole("button", { name: "Sign the sentence" }).click();
    assert.equal((await failure(page)).code, "wallet_refused");
    wallet.refuses = false;
    await page.getByRole("button", { name: "Sign the sentence" }).click();
    await page.getByRole("button", { name: `Unlink ${wallet.address}` }).waitFor();
    const linked = wallet.signed.at(-1);
    assert.match(linked, /^localhost:\d+ wants you to sign in with your Ethereum account:\n0x/);
    assert.match(linked, /Link this wallet to my account/);
    await signOut(page);

    await page.goto(`${shop}sign-in`);
    await page.getByRole("button", { name: "Sign in with a crypto wallet" }).click();
    await page.getByRole("button", { name: "Sign the sentence" }).click();
    await page.getByRole("banner").getByRole("link", { name: "coiner" }).waitFor();
    assert.notEqual(wallet.signed.at(-1), linked);
    assert.doesNotMatch(wallet.signed.at(-1), /Link this wallet/);

    await toAccount(page, "coiner");
    await page.getByRole("button", { name: `Unlink ${wallet.address}` }).click();
    await page.getByRole("button", { name: "Unlink it" }).click();
    await page.getByRole("button", { name: `Unlink ${wallet.address}` }).waitFor({ state: "detached" });
    await context.close();
  });

  test("what was signed for another site, or before, signs nobody in", async () => {
    const { page, context } = await openPage(browser);
    const wallet = await putSigner(context);
    await page.goto(shop);
    await registerInShop(page, "replayed");
    await toAccount(page, "replayed");
    await page.getByRole("button", { name: "Link a wallet" }).click();
    await page.getByRole("button", { name: "Sign the sentence" }).click();
    await page.getByRole("button", { name: `Unlink ${wallet.address}` }).waitFor();
    const ask = (path, body) =>
      page.evaluate(
        async ([path, body]) => {
          const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
          return { status: answer.status, ...(await answer.json()) };
        },
        [path, body],
      );
    const fresh = async (change = (text) => text) => {
      const asked = await ask("/auth/wallet/challenge", { address: wallet.address.toLowerCase() });
      const host = new URL(shop).host;
      const message = change(
        `${host} wants you to sign in with your Ethereum account:\n${asked.address}\n\n${asked.statement}\n\nURI: http://${host}/shop/\nVersion: 1\nChain ID: ${asked.chain_id}\nNonce: ${asked.nonce}\nIssued At: ${asked.issued_at}\nExpiration Time: ${asked.expires_at}`,
      );
      return { message, signature: wallet.sign(message) };
    };
    const enter = (answer) => ask("/auth/session/wallet", answer);

    const good = await fresh();
    assert.equal((await enter(good)).username, "replayed");
    assert.equal((await enter(good)).code, "challenge_over", "twice");
    assert.equal((await enter(await fresh((text) => text.replace(/^localhost:\d+/, "evil.example")))).code, "other_site");
    assert.equal((await enter(await fresh((text) => text.replace(/Chain ID: \d+/, "Chain ID: 99999")))).code, "other_chain");
    assert.equal((await enter(await fresh((text) => text.replace(/Nonce: \w+/, "Nonce: abcdefgh12345678")))).code, "challenge_over");
    assert.equal((await enter(await fresh((text) => text.replace(/Issued At: \d{4}/, "Issued At: 2020")))).code, "other_time");
    const other = await fresh();
    assert.equal((await enter({ ...other, signature: wallet.sign("something else") })).code, "bad_signature");
    await context.close();
  });
});
