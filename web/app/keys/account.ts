// The key of an account on the chain: out of a signature that the account gives again whenever it is asked.

import type { BrowserWallet } from "@sealpost/marketplace-client";
import { walletFromSignature } from "@sealpost/plugin-sdk";
import type { Holder } from "./keys.svelte";
import { short } from "../lib/words";

/** `known`: keys that are this person's already, so that the account need not show that it repeats itself. */
export async function useAccount(from: BrowserWallet, known: string[]): Promise<Holder> {
  const wallet = await walletFromSignature(from.provider, { known });
  return {
    kind: "account",
    // One key for all: whoever sees the payments sees the account anyhow.
    recipient: async () => ({ curve: wallet.curve, public_key: wallet.publicKey, name: `Wallet ${short(wallet.account)}` }),
    walletFor: async (device) => (device.public_key === wallet.publicKey ? wallet : undefined),
    dispose: () => wallet.dispose(),
  };
}
