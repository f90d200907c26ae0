// What the store says of itself to everybody; asked once, when the page starts.

import { ask, path } from "./ask";

export interface Shop {
  name: string;
  registration: "open" | "invited" | "closed";
  /** Whether it can send mail. */
  mail: boolean;
  chain?: { chain_id: number; name?: string };
  fee_bps: number;
  /** Whether it waits for its first operator. */
  first_run: boolean;
  passkeys: boolean;
  wallet_sign_in: boolean;
  currency?: string;
  terms?: string;
  contact?: string;
  max_upload_bytes?: number;
  version?: string;
}

/** Of a store that does not say. */
const PLAIN: Shop = {
  name: "Shop",
  registration: "open",
  mail: false,
  fee_bps: 0,
  first_run: false,
  passkeys: false,
  wallet_sign_in: false,
};

let facts = $state<Shop>(PLAIN);

export const shop = {
  get facts(): Shop {
    return facts;
  },
};

export async function lookAtShop() {
  const found = await ask<Partial<Shop>>("GET", path(["store"])).catch(() => ({}));
  facts = { ...PLAIN, ...found };
}
