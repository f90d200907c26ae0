// What the page does when the test asks for it.

import * as sdk from "@sealpost/plugin-sdk";

const PLUGIN = "com.publisher.my-plugin";

/** @param {string} file */
const vectors = async (file) => (await fetch(`/tests/vectors/${file}`)).json();

/** @param {Uint8Array} bytes */
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** @param {string} text */
const bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));

/** @param {unknown} error */
const told = (error) => /** @type {any} */ (error).code ?? String(error);

const steps = {
  /** How many vectors agree. */
  async vectors() {
    /** @type {Record<string, number>} */
    const good = {};
    const count = (/** @type {string} */ name, /** @type {boolean} */ is) =>
      (good[name] = (good[name] ?? 0) + Number(is));
    for (const { secret, public: publicKey, plugin_id, dek, envelope } of await vectors("ecdh-curves.json")) {
      count(envelope.curve, hex(await sdk.unwrapMarketplaceDEK(envelope, secret, plugin_id)) === dek);
      const wrapped = await sdk.wrapMarketplaceDEK(bytes(dek), publicKey, plugin_id, { curve: envelope.curve });
      count("wrapped", hex(await sdk.unwrapMarketplaceDEK(wrapped, secret, plugin_id)) === dek);
    }
    for (const { curve, public: publicKey } of await vectors("curve25519-refused.json")) {
      count("refused", (await sdk.readPublicKey(curve, publicKey).catch(told)) === "envelope_public_key");
    }
    for (const { secret, domain, plugin_id, epoch, key } of await vectors("domain-v1.json")) {
      const kek = { version: /** @type {const} */ (1), epoch: epoch ?? undefined };
      count("v1", hex(await sdk.deriveDomainKey(secret, domain, plugin_id, kek)) === key);
    }
    for (const { secret, domain, plugin_id, epoch, key } of await vectors("domain-v2.json")) {
      const kek = { version: /** @type {const} */ (2), epoch };
      count("v2", hex(await sdk.deriveDomainKey(bytes(secret), domain, plugin_id, kek)) === key);
    }
    for (const { statement, signature } of await vectors("release.json")) {
      await sdk.verifyRelease(statement, signature, { publisherKey: statement.publisher });
      count("releases", true);
    }
    for (const { mnemonic, passphrase, index, keys } of (await vectors("wallet.json")).keys) {
      const wallet = await sdk.walletFromMnemonic(mnemonic, { passphrase, index });
      for (const curve of sdk.CURVES)
        count("wallets", (await wallet.key(index, curve)).publicKey === keys[curve].public);
    }
    const { issuer_public, licences } = await vectors("plk.json");
    for (const { json, flatc } of licences) {
      await sdk.checkLicenceSignature(json, issuer_public);
      count("licences", sdk.licenceJson(sdk.readLicence(bytes(flatc))) === json);
    }
    for (const { bundle, buyers, plain_sha256 } of await vectors("bundles.json")) {
      for (const { curve, key } of buyers) {
        const wallet = await sdk.walletFromPrivateKey(bytes(key), curve);
        const plain = await sdk.openBundle(bundle, { wallet, allowUnsigned: true });
        count("bundles", hex(new Uint8Array(await crypto.subtle.digest("SHA-256", plain))) === plain_sha256);
      }
    }
    return good;
  },

  /** Makes or loads keys of this browser, and opens with them. */
  async device() {
    const opened = [];
    for (const curve of /** @type {const} */ (["p256", "p384", "x25519"])) {
      const wallet = await sdk.deviceWallet({ name: `key on ${curve}`, curve });
      const { encryptedData, dek } = await sdk.encryptForMarketplace(Uint8Array.of(1, 2, 3));
      const envelope = await sdk.wrapDEKForBuyer(dek, wallet.publicKey, curve, PLUGIN);
      const plain = await sdk.decryptWithDEK(encryptedData, await sdk.unwrapMarketplaceDEK(envelope, wallet, PLUGIN));
      opened.push({ curve: wallet.curve, publicKey: wallet.publicKey, plain: hex(plain) });
    }
    return opened;
  },

  /** Whether anything the page keeps could be taken elsewhere. */
  async deviceKeysAreKept() {
    const request = indexedDB.open("sealpost-keys");
    await new Promise((resolve) => (request.onsuccess = resolve));
    const all = request.result.transaction("keys").objectStore("keys").getAll();
    await new Promise((resolve) => (all.onsuccess = resolve));
    const told = await Promise.all(
      all.result.map(async ({ privateKey }) => [
        privateKey.extractable,
        await crypto.subtle.exportKey("pkcs8", privateKey).then(
          () => "exported",
          () => "refused",
        ),
      ]),
    );
    request.result.close();
    return told;
  },

  async twoTabsMakeOneKey() {
    const both = await Promise.all([sdk.deviceWallet({ name: "race" }), sdk.deviceWallet({ name: "race" })]);
    return both[0].publicKey === both[1].publicKey;
  },

  async forget() {
    await sdk.deleteDeviceWallet("race");
    return [
      (await sdk.loadDeviceWallet("race")) === undefined,
      (await sdk.listDeviceWallets()).map(({ name }) => name),
    ];
  },

  /** @param {string} curve */
  deviceCurve: (curve) => sdk.deviceWallet({ name: "odd", curve: /** @type {any} */ (curve) }).catch(told),

  /** @param {number} number */
  example: async (number) => void (await import(`/readme/${number}.js`)),

  support: () => sdk.passkeySupport(),

  /** @param {string} userName */
  async createPasskey(userName) {
    const wallet = await sdk.createPasskeyWallet({ userName, rpName: "Test" });
    return { credentialId: wallet.credentialId, publicKeys: await publicKeys(wallet) };
  },

  /** @param {string} [credentialId] */
  async openPasskey(credentialId) {
    const wallet = await sdk.openPasskeyWallet({ credentialId });
    return { credentialId: wallet.credentialId, publicKeys: await publicKeys(wallet) };
  },

  /** @param {string} credentialId */
  async passkeyOpens(credentialId) {
    const wallet = await sdk.openPasskeyWallet({ credentialId, curve: "secp256k1", index: 4 });
    const { dek } = await sdk.encryptForMarketplace(new Uint8Array());
    const envelope = await sdk.wrapDEKForBuyer(dek, wallet.publicKey, "secp256k1", PLUGIN);
    return [
      hex(await sdk.unwrapMarketplaceDEK(envelope, wallet, PLUGIN)) === hex(dek),
      await sdk.findIndex(envelope, wallet),
    ];
  },
};

/** @param {Awaited<ReturnType<typeof sdk.openPasskeyWallet>>} wallet */
async function publicKeys(wallet) {
  const keys = [wallet.publicKey];
  for (const curve of sdk.CURVES) keys.push((await wallet.key(1, curve)).publicKey);
  wallet.dispose();
  return keys;
}

Object.assign(window, {
  /**
   * @param {keyof typeof steps} name
   * @param {any} [argument]
   */
  run: async (name, argument) => {
    try {
      return { ok: await /** @type {any} */ (steps[name])(argument) };
    } catch (error) {
      return { error: told(error) };
    }
  },
  ready: true,
});
