// Sign-in with Ethereum (ERC-4361): the message that a wallet signs, and which wallet it is.

import { SealpostError } from "@sealpost/plugin-sdk";
import { accountOf, type BrowserWallet } from "@sealpost/marketplace-client";
import type { WalletAnswer, WalletChallenge } from "./api";

/** Has a wallet sign what the store asks for its address. */
export async function signWith(
  wallet: BrowserWallet | undefined,
  ask: (address: string) => Promise<WalletChallenge>,
): Promise<WalletAnswer> {
  if (!wallet) {
    throw new SealpostError("no_wallet", "there is no wallet in this browser", {
      hint: "install one, or open this page in the browser of your wallet's app",
    });
  }
  const address = await accountOf(wallet.provider);
  const message = messageOf(await ask(address));
  const signature = await personalSign(wallet, message, address);
  return { message, signature, name: wallet.name };
}

/** As the standard writes it; the wallet shows it, and warns when the site in it is another one. */
export function messageOf(challenge: WalletChallenge): string {
  return [
    `${location.host} wants you to sign in with your Ethereum account:`,
    challenge.address,
    "",
    challenge.statement,
    "",
    `URI: ${location.origin}/shop/`,
    "Version: 1",
    `Chain ID: ${challenge.chain_id}`,
    `Nonce: ${challenge.nonce}`,
    `Issued At: ${challenge.issued_at}`,
    `Expiration Time: ${challenge.expires_at}`,
  ].join("\n");
}

async function personalSign({ provider }: BrowserWallet, message: string, address: string): Promise<string> {
  const hex = `0x${Array.from(new TextEncoder().encode(message), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  try {
    return (await provider.request({ method: "personal_sign", params: [hex, address] })) as string;
  } catch (cause) {
    const refused = (cause as { code?: number }).code === 4001;
    throw new SealpostError(
      refused ? "wallet_refused" : "wallet_failed",
      refused ? "you said no in the wallet" : "the wallet did not sign",
      { hint: refused ? "nothing happened; try again if you want to" : "unlock it, and try again", cause },
    );
  }
}
