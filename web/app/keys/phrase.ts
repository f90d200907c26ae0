// The key of a recovery phrase. The words are in memory from when they are typed or drawn until the wallet was made of them.

import { generateMnemonic, walletFromMnemonic } from "@sealpost/plugin-sdk";
import type { Holder } from "./keys.svelte";
import type { Licence } from "../lib/types";
import { manyHolder } from "./many";

const WORDS = 12;

export function newPhrase(): Promise<string> {
  return generateMnemonic({ words: WORDS });
}

export async function readPhrase(words: string): Promise<Holder> {
  return manyHolder("phrase", "Recovery phrase", await walletFromMnemonic(words));
}

/** The indexes that this person's devices have: a new device takes another one. */
export function indexesOf(licences: Licence[]): number[] {
  const devices = licences.flatMap((licence) => licence.devices ?? []);
  return devices.flatMap(({ index }) => (index === undefined || index === null ? [] : [index]));
}
