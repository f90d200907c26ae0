import type { Holder } from "../keys.svelte";
export const passkeysWork = () => false;
export async function createPasskey(): Promise<Holder> { throw new Error(); }
export async function usePasskey(): Promise<Holder> { throw new Error(); }
