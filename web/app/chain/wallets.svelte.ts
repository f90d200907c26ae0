// The wallets of this browser, for as long as a page shows them; and the one that was chosen, until the page is left.

import { watchWallets, type BrowserWallet } from "@sealpost/marketplace-client";

let found = $state.raw<BrowserWallet[]>([]);
let chosen = $state<string>();
let watching = false;

export const wallets = {
  /** Those that are there; later ones come along. */
  get all(): BrowserWallet[] {
    if (!watching) {
      watching = true;
      // Announced before this returns, or whenever a wallet gets ready: never while a page reads it.
      queueMicrotask(() => watchWallets((now) => (found = now)));
    }
    return found;
  },
  get chosen(): BrowserWallet | undefined {
    const { all } = wallets;
    return all.find(({ id }) => id === chosen) ?? all[0];
  },
  choose(id: string) {
    chosen = id;
  },
};
