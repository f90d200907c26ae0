import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { openPage, skip } from "./support/page.js";
import { examples } from "./support/readme.js";

describe("in Chromium, under a strict Content-Security-Policy and without a bundler", { skip }, () => {
  /** @type {Awaited<ReturnType<typeof openPage>>} */
  let opened;

  before(async () => {
    opened = await openPage();
  });

  after(() => opened.close());

  /**
   * @param {string} name
   * @param {unknown} [argument]
   * @returns {Promise<any>}
   */
  async function run(name, argument) {
    const { ok, error } = await opened.page.evaluate(
      ([name, argument]) => /** @type {any} */ (window).run(name, argument),
      [name, argument],
    );
    if (error !== undefined) throw new Error(error);
    return ok;
  }

  test("every vector agrees", async () => {
    assert.deepEqual(await run("vectors"), {
      ed25519: 4,
      p256: 4,
      p384: 4,
      secp256k1: 4,
      x25519: 4,
      wrapped: 20,
      refused: 46,
      v1: 168,
      v2: 58,
      releases: 4,
      wallets: 75,
      licences: 3,
      bundles: 3,
    });
  });

  test("a key of the browser outlives the page, and leaves it in no way", async () => {
    const first = await run("device");
    assert.deepEqual(
      first.map((/** @type {any} */ { curve }) => curve),
      ["p256", "p384", "x25519"],
    );
    assert.ok(first.every((/** @type {any} */ { plain }) => plain === "010203"));
    await opened.page.reload();
    await opened.page.waitForFunction("window.ready === true");
    assert.deepEqual(await run("device"), first);
    assert.deepEqual(await run("deviceKeysAreKept"), Array(3).fill([false, "refused"]));
    assert.equal(await run("twoTabsMakeOneKey"), true);
    assert.deepEqual(await run("forget"), [true, ["key on p256", "key on p384", "key on x25519"]]);
    for (const curve of ["secp256k1", "ed25519"]) assert.equal(await run("deviceCurve", curve), "wallet_no_curve");
    assert.equal(await run("deviceCurve", "P-256"), "envelope_unknown_curve");
  });

  test("a passkey gives the same keys each time, and each passkey others", async () => {
    const session = await opened.context.newCDPSession(opened.page);
    await session.send("WebAuthn.enable");
    const options = {
      protocol: /** @type {const} */ ("ctap2"),
      ctap2Version: /** @type {const} */ ("ctap2_1"),
      transport: /** @type {const} */ ("internal"),
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
      hasPrf: true,
    };
    const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", { options });
    assert.equal(await run("support"), "yes");
    const [ada, ben] = [await run("createPasskey", "ada"), await run("createPasskey", "ben")];
    assert.equal(ada.publicKeys.length, 6);
    assert.equal(new Set([...ada.publicKeys, ...ben.publicKeys]).size, 12);
    await opened.page.reload();
    await opened.page.waitForFunction("window.ready === true");
    assert.deepEqual(await run("openPasskey", ada.credentialId), ada);
    assert.deepEqual(await run("openPasskey", ben.credentialId), ben);
    assert.deepEqual(await run("passkeyOpens", ada.credentialId), [true, 4]);

    const [example, ...more] = examples("js browser");
    assert.ok(example.includes("createPasskeyWallet") && more.length === 0);
    await run("example", 0);
    await session.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
    await assert.rejects(run("openPasskey", ada.credentialId), /passkey_cancelled/);
    await session.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId });

    const old = await session.send("WebAuthn.addVirtualAuthenticator", { options: { ...options, hasPrf: false } });
    await assert.rejects(run("createPasskey", "cleo"), /passkey_no_prf/);
    const { credentials } = await session.send("WebAuthn.getCredentials", { authenticatorId: old.authenticatorId });
    assert.equal(credentials.length, 1);
    await assert.rejects(run("openPasskey"), /passkey_no_prf/);
    await assert.rejects(run("openPasskey", "not base64url %"), /bad_argument/);
  });

  test("nothing but the page's own files was asked for, and nothing was said", () => {
    const { requests, origin } = opened;
    assert.ok(requests.length > 30);
    assert.deepEqual(
      requests.filter((line) => !line.startsWith(`GET ${origin}/`) || line.includes("?")),
      [],
    );
  });
});
