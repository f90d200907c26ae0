// A wallet with a key for every index as a holder: each plugin gets a key of its own.

import { GAP } from "@sealpost/plugin-sdk";
import type { Holder, Kind } from "./keys.svelte";
import type { Curve, Device, Wallet } from "../lib/types";

type KeyAt = Wallet & { publicKey: string; index: number };

interface Many {
  curve: Curve;
  key(index: number, curve?: Curve): Promise<KeyAt>;
  dispose(): void;
}

export function manyHolder(kind: Kind, name: string, wallet: Many): Holder {
  return {
    kind,
    async recipient(taken) {
      const used = new Set(taken);
      let index = 0;
      while (used.has(index)) index++;
      const key = await wallet.key(index);
      key.dispose?.();
      return { curve: key.curve, public_key: key.publicKey, index, name };
    },
    walletFor: (device) => find(wallet, device),
    dispose: () => wallet.dispose(),
  };
}

/** The store says the index; where it does not, the first keys are tried. */
async function find(wallet: Many, device: Device): Promise<Wallet | undefined> {
  const known = device.index ?? undefined;
  const indexes = known === undefined ? Array.from({ length: GAP }, (_, index) => index) : [known];
  for (const index of indexes) {
    const key = await wallet.key(index, device.curve);
    if (key.publicKey === device.public_key) return key;
    key.dispose?.();
  }
  return undefined;
}
