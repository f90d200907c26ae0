// What the store says of itself to everybody; asked once, when the page starts.

import { ask, path } from "./ask";

export interface Shop {
  name: string;
  registration_open: boolean;
  /** Whether it can send mail. */
  mail: boolean;
  chain: boolean;
  fee_bps: number;
  /** Whether it waits for its first operator. */
  first_run: boolean;
  passkeys: boolean;
  wallet_sign_in: boolean;
  currency?: string;
  terms?: string;
  contact?: string;
}

/** Of a store that does not say. */
const PLAIN: Shop = {
  name: "Shop",
  registration_open: true,
  mail: false,
  chain: false,
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
