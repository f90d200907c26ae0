// The key that this browser keeps: made here, cannot be exported, lies in IndexedDB as the browser's own object.

import { deviceWallet, loadDeviceWallet } from "@sealpost/plugin-sdk";
import type { Holder } from "./keys.svelte";

const NAME = "shop";

/** The kept key, where there is one. */
export async function keptKey(): Promise<Holder | undefined> {
  const wallet = await loadDeviceWallet(NAME);
  return wallet && holderOf(wallet);
}

/** The kept key, made where there is none. */
export async function makeKeptKey(): Promise<Holder> {
  return holderOf(await deviceWallet({ name: NAME }));
}

function holderOf(wallet: Awaited<ReturnType<typeof deviceWallet>>): Holder {
  return {
    kind: "browser",
    recipient: async () => ({ curve: wallet.curve, public_key: wallet.publicKey, name: browserName() }),
    walletFor: async (device) => (device.public_key === wallet.publicKey ? wallet : undefined),
    dispose() {},
  };
}

/** Such as "Firefox on Linux", for a list of devices; not to tell browsers apart. */
function browserName(): string {
  const agent = navigator.userAgent;
  const is = (names: [string, string][]) => names.find(([sign]) => agent.includes(sign))?.[1];
  const browser = is([
    ["Edg/", "Edge"],
    ["OPR/", "Opera"],
    ["Firefox/", "Firefox"],
    ["Chrome/", "Chrome"],
    ["Safari/", "Safari"],
  ]);
  const system = is([
    ["Android", "Android"],
    ["iPhone", "iPhone"],
    ["iPad", "iPad"],
    ["Windows", "Windows"],
    ["Mac OS", "macOS"],
    ["CrOS", "ChromeOS"],
    ["Linux", "Linux"],
  ]);
  return [browser ?? "Browser", system].filter(Boolean).join(" on ");
}
