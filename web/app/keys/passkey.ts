// The key of a passkey: whoever confirms it with a finger, a face or a PIN has it, on every device that has the passkey.

import { createPasskeyWallet, openPasskeyWallet } from "@sealpost/plugin-sdk";
import { manyHolder } from "./many";
import type { Holder } from "./keys.svelte";

const NAME = "Passkey";

/** Passkeys belong to a domain, which an address in digits is not. */
export function passkeysWork(): boolean {
  const isAddress = /^[\d.]+$|:/.test(location.hostname.replace(/^\[|\]$/g, ""));
  return isSecureContext && typeof PublicKeyCredential !== "undefined" && !isAddress;
}

export async function createPasskey(userName: string): Promise<Holder> {
  return manyHolder("passkey", NAME, await createPasskeyWallet({ userName, rpName: `Shop at ${location.host}` }));
}

export async function usePasskey(): Promise<Holder> {
  return manyHolder("passkey", NAME, await openPasskeyWallet());
}
