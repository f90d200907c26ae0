// Who is signed in. The token stays in this module: it is never written anywhere, so a reload signs out.

import { forgetKeys } from "./keys.svelte";
import { ask } from "./store";
import type { Account } from "./types";

let token: string | undefined;
let account = $state<Account>();

export const session = {
  get account(): Account | undefined {
    return account;
  },
  /** For requests of this person. */
  get token(): string | undefined {
    return token;
  },
};

/** By address or name. */
export async function signIn(who: string, password: string) {
  const body = who.includes("@") ? { email: who, password } : { username: who, password };
  await begin(await ask<{ token: string }>("POST", "/auth/login", { body }));
}

export async function register(email: string, username: string, password: string) {
  const body = { email, username: username || undefined, password };
  await begin(await ask<{ token: string }>("POST", "/api/v1/accounts", { body }));
}

export async function signOut() {
  const ended = token;
  token = undefined;
  account = undefined;
  forgetKeys();
  if (ended) await ask("POST", "/auth/logout", { token: ended });
}

async function begin(answer: { token: string }) {
  const found = await ask<Account>("GET", "/api/v1/me", { token: answer.token });
  token = answer.token;
  account = found;
}
