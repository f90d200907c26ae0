// Who is signed in. The browser holds a cookie that no script can read; this module holds the name alone.

import { forgetKeys } from "../keys/keys.svelte";
import { ask, onSignedOut } from "./ask";
import type { Account } from "./types";

let account = $state<Account>();
let known = $state(false);

export const session = {
  get account(): Account | undefined {
    return account;
  },
  /** Whether the store was asked yet who this is. */
  get known(): boolean {
    return known;
  },
  get isOperator(): boolean {
    return account?.roles?.includes("operator") ?? false;
  },
};

/** Asks the store who this is; at the start, and whenever another page may have changed it. */
export async function look() {
  const before = account?.user_id;
  try {
    // Not `/api/v1/me`, which answers strangers with a failure.
    account = (await ask<{ account: Account | null }>("GET", "/auth/session")).account ?? undefined;
  } catch {
    // Nobody said that it ended: the store may be away for a moment.
  } finally {
    if (before && before !== account?.user_id) forgetKeys();
    known = true;
  }
}

/** By address or name. */
export async function signIn(who: string, password: string) {
  const body = who.includes("@") ? { email: who, password } : { username: who, password };
  begin(await ask<Account>("POST", "/auth/session", { body }));
}

/** `invitation` where people are asked in. */
export async function register(email: string, username: string, password: string, invitation?: string) {
  const body = { email, username: username || undefined, password, invitation };
  begin(await ask<Account>("POST", "/auth/session/sign-up", { body }));
}

/** For whatever signs in by another way than a password. */
export function begin(found: Account) {
  account = found;
  known = true;
  others?.postMessage("changed");
}

export async function signOut() {
  await ask("DELETE", "/auth/session");
  ended();
  others?.postMessage("changed");
}

/** The account is gone, or all its sign-ins: nobody has to be told any more. */
export function forget() {
  ended();
  others?.postMessage("changed");
}

/** Nothing of the person stays in the page. */
function ended() {
  if (!account) return;
  account = undefined;
  forgetKeys();
}

onSignedOut(ended);

// Other tabs of this shop learn of it too.
const others = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel("sealpost-session");
others?.addEventListener("message", () => void look());
