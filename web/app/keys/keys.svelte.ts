// Where the keys of a buyer's devices are. Each way gives a holder: it names a public key to wrap for, and opens what was wrapped for it.

import { keptKey } from "./kept";
import type { Device, Recipient, Wallet } from "../lib/types";

export type Kind = "browser" | "passkey" | "phrase" | "account";

export interface Holder {
  readonly kind: Kind;
  /** The key of a new device; `taken` are the indexes that this person's devices have. */
  recipient(taken: number[]): Promise<Recipient>;
  /** What opens the envelopes of a device, where the device is this holder's. */
  walletFor(device: Device): Promise<Wallet | undefined>;
  /** Forgets what it knows. */
  dispose(): void;
}

export const KINDS: Record<Kind, { title: string; text: string }> = {
  browser: {
    title: "This browser",
    text: "The key is made here and cannot leave. It is gone when this browser's data for this site is cleared.",
  },
  passkey: {
    title: "A passkey",
    text: "The key comes from your phone, computer or security key, wherever the passkey works.",
  },
  phrase: {
    title: "A recovery phrase",
    text: "Words that you write down. They open what you bought on any device, with any Sealpost program.",
  },
  account: {
    title: "My crypto wallet",
    text: "The key comes out of a signature of your wallet's account, wherever you have it. Never sign that for another site.",
  },
};

// Plain, not reactive: a proxy around a key would be one more copy of it.
let opened: Holder[] = [];

/** Holds on to what a person opened until they sign out or leave. */
export function remember(holder: Holder) {
  opened = [...opened.filter((other) => other.kind !== holder.kind), holder];
}

export function forget(kind: Kind) {
  for (const holder of opened) if (holder.kind === kind) holder.dispose();
  opened = opened.filter((holder) => holder.kind !== kind);
}

export function forgetKeys() {
  for (const holder of opened) holder.dispose();
  opened = [];
}

export function remembered(kind: Kind): Holder | undefined {
  return opened.find((holder) => holder.kind === kind);
}

/** The device of a licence that can be opened here and now, and its wallet. */
export async function ready(devices: Device[]): Promise<{ device: Device; wallet: Wallet; kind: Kind } | undefined> {
  const kept = await keptKey().catch(() => undefined);
  for (const holder of [...opened, ...(kept ? [kept] : [])]) {
    for (const device of devices) {
      const wallet = await holder.walletFor(device);
      if (wallet) return { device, wallet, kind: holder.kind };
    }
  }
  return undefined;
}
