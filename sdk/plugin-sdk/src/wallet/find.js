import { fromHex, toHex, viewList, viewOptions, viewRecord } from "../bytes.js";
import { readEnvelope } from "../envelope.js";
import { SealpostError, badArgument } from "../error.js";
import { sha256 } from "../hash.js";

/** @typedef {import("../envelope.js").Envelope} Envelope */
/** @typedef {import("../wallet.js").Wallet} Wallet */

/** Indexes in a row without a hit, after which a scan gives up. */
export const GAP = 20;

const INDEXES = 2 ** 31;

/**
 * The index whose key an envelope was made for, as its salt tells. A salt that another writer chose freely says nothing:
 * such an envelope is not found.
 *
 * @param {Envelope} envelope
 * @param {Wallet} wallet one with `key(index)`
 * @param {{ gap?: number }} [options]
 * @returns {Promise<number | undefined>}
 */
export async function findIndex(envelope, wallet, options) {
  return (await findIndexes([envelope], wallet, options))[0];
}

/**
 * The index of each envelope, in their order. Indexes are tried from 0 on, until every envelope has its own or `gap` in a
 * row belong to none.
 *
 * @param {readonly Envelope[]} envelopes
 * @param {Wallet} wallet one with `key(index)`
 * @param {{ gap?: number }} [options]
 * @returns {Promise<(number | undefined)[]>}
 */
export async function findIndexes(envelopes, wallet, options) {
  const { gap = GAP } = viewOptions(options);
  const { key } = /** @type {Partial<Wallet>} */ (viewRecord(wallet, "wallet"));
  if (typeof key !== "function") throw badArgument("wallet", "a wallet of many keys, with `key(index)`");
  const wanted = viewList(envelopes, "envelopes").map((envelope) => {
    const { curve, salt } = readEnvelope(envelope);
    return { curve, salt: toHex(salt), index: /** @type {number | undefined} */ (undefined) };
  });
  let silent = 0;
  for (let index = 0; index < INDEXES && silent < gap; index++) {
    const open = wanted.filter((envelope) => envelope.index === undefined);
    if (open.length === 0) break;
    silent++;
    for (const curve of new Set(open.map((envelope) => envelope.curve))) {
      const salt = await saltOf(() => key(index, curve));
      for (const envelope of open) {
        if (envelope.curve !== curve || envelope.salt !== salt) continue;
        envelope.index = index;
        silent = 0;
      }
    }
  }
  return wanted.map(({ index }) => index);
}

/**
 * @param {() => Promise<Wallet>} open
 * @returns {Promise<string | undefined>}
 */
async function saltOf(open) {
  try {
    const wallet = await open();
    const publicKey = fromHex(wallet.publicKey);
    wallet.dispose?.();
    return publicKey && toHex(await sha256(publicKey));
  } catch (error) {
    if (error instanceof SealpostError && error.code === "wallet_no_key") return undefined;
    throw error;
  }
}
