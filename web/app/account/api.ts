// Requests about a person's own account.

import { ask, path } from "../lib/ask";
import type { Account } from "../lib/types";

export interface Passkey {
  id: string;
  name: string;
  created_at: string;
  used_at?: string;
  synced: boolean;
}

export interface SignInWallet {
  address: string;
  name: string;
  created_at: string;
  used_at?: string;
}

export interface MailChoices {
  print_ended: boolean;
  print_needs_someone: boolean;
  sale: boolean;
  webhook_failing: boolean;
  order_declined: boolean;
}

export interface Details {
  user_id: string;
  email: string;
  email_confirmed: boolean;
  new_email?: string;
  username: string;
  created_at: string;
  has_password: boolean;
  passkeys: Passkey[];
  wallets: SignInWallet[];
  mails: MailChoices;
}

export interface SignIn {
  id: string;
  kind: "browser" | "token";
  current: boolean;
  created_at: string;
  last_seen?: string;
  expires_at: string;
  agent?: string;
  address?: string;
}

export interface EmailState {
  done: boolean;
  email: string;
}

export interface Leaving {
  hindrances: string[];
  licences: number;
  prints_left: number;
  printers: number;
  jobs: number;
  listings: number;
  sales: number;
  purchases: number;
}

/** What shows that it is really the person. */
export type Proof = { password: string } | { passkey: unknown } | Record<string, never>;

export interface WalletChallenge {
  address: string;
  statement: string;
  chain_id: number;
  nonce: string;
  issued_at: string;
  expires_at: string;
}

export interface WalletAnswer {
  message: string;
  signature: string;
  name?: string;
}

const me = (...parts: string[]) => path(["me", ...parts]);

export const details = () => ask<Details>("GET", me("account"));
export const changeName = (username: string) => ask<void>("POST", me("username"), { body: { username } });
export const changeEmail = (email: string, proof: Proof) => ask<EmailState>("POST", me("email"), { body: { email, ...proof } });
export const sendConfirmation = () => ask<void>("POST", me("email", "confirmation"));
export const confirmEmail = (token: string) => ask<EmailState>("POST", "/auth/email/confirm", { body: { token } });
export const changePassword = (password: string, newPassword: string) =>
  ask<void>("POST", me("password"), { body: { password, new_password: newPassword } });
export const forgot = (email: string) => ask<void>("POST", "/auth/password/forgot", { body: { email } });
export const reset = (token: string, newPassword: string) =>
  ask<void>("POST", "/auth/password/reset", { body: { token, new_password: newPassword } });
export const chooseMails = (choices: MailChoices) => ask<void>("PUT", me("mails"), { body: choices });
export const unsubscribe = (key: string, kind: string) =>
  ask<{ kind: string }>("POST", path(["unsubscribe"], { key, kind }));

export const askPasskey = () => ask<object>("POST", "/auth/passkey/challenge");
export const signInByPasskey = (credential: unknown) =>
  ask<Account>("POST", "/auth/session/passkey", { body: { credential } });
export const askNewPasskey = (proof: Proof) => ask<object>("POST", me("passkeys", "challenge"), { body: proof });
export const addPasskey = (name: string, credential: unknown) =>
  ask<Passkey>("POST", me("passkeys"), { body: { name, credential } });
export const renamePasskey = (id: string, name: string) => ask<void>("PATCH", me("passkeys", id), { body: { name } });
export const removePasskey = (id: string) => ask<void>("DELETE", me("passkeys", id));

export const askWallet = (address: string) =>
  ask<WalletChallenge>("POST", "/auth/wallet/challenge", { body: { address } });
export const signInByWallet = (answer: WalletAnswer) => ask<Account>("POST", "/auth/session/wallet", { body: answer });
export const askNewWallet = (address: string, proof: Proof) =>
  ask<WalletChallenge>("POST", me("wallets", "challenge"), { body: { address, ...proof } });
export const addWallet = (answer: WalletAnswer) => ask<SignInWallet>("POST", me("wallets"), { body: answer });
export const removeWallet = (address: string) => ask<void>("DELETE", me("wallets", address));

export const signIns = () => ask<{ sign_ins: SignIn[] }>("GET", me("sessions"));
export const endSignIn = (id: string) => ask<void>("DELETE", me("sessions", id));
export const endAll = () => ask<void>("DELETE", me("sessions"));

export const leaving = () => ask<Leaving>("GET", me("leaving"));
export const deleteAccount = (proof: Proof) => ask<void>("POST", me("delete"), { body: proof });
export const takeAlong = () => ask<object>("GET", me("export"));
