// One file on its way into the shop: sealed, then sent. What was sealed is kept until it arrived, so that a lost connection costs the
// sending alone.

import { sealedRelease } from "@sealpost/marketplace-client";
import { SealpostError, type Signer } from "@sealpost/plugin-sdk";
import { hold } from "../../lib/router.svelte";
import type { Manifest, Release } from "../../lib/types";
import { vaultKey } from "./api";
import { sealBeside } from "./beside";
import type { SealedFile } from "./messages";
import { discardSpool, newName, tidySpools } from "./spool";
import { send } from "./upload";

/** What a version is, besides its file. */
export interface About {
  listing: string;
  version: string;
  notes: string;
}

export interface PluginAbout extends About {
  pluginId: string;
  manifest: Manifest & Record<string, unknown>;
  /** Absent where the listing has no publisher's key. */
  signer?: Signer;
}

/** What the store says of a sealed copy that would be refused again. */
const SPOILT = /^(plain_mismatch|blob_|envelope_|vault_|cid_mismatch)/;

export class Sending {
  phase = $state<"idle" | "sealing" | "sending" | "arrived">("idle");
  done = $state(0);
  total = $state(0);
  error = $state.raw<unknown>();
  readonly busy = $derived(this.phase === "sealing" || this.phase === "sending");
  #stop: AbortController | undefined;
  #copy: { file: File; spool: string; made: SealedFile } | undefined;
  #said: { text: string; once: string } | undefined;

  constructor() {
    void tidySpools();
  }

  /** Seals and sends G-code; nothing where it was cancelled or failed, which `error` tells. */
  gcode(file: File, about: About): Promise<Release | undefined> {
    return this.#run(async (signal) => {
      if (this.#copy?.file !== file) {
        await this.#forget();
        this.#begin("sealing", file.size);
        const spool = newName();
        try {
          const vault = await vaultKey(signal);
          const made = await sealBeside(file, spool, vault, signal, (done) => (this.done = done));
          this.#copy = { file, spool, made };
        } catch (error) {
          await discardSpool(spool);
          throw error;
        }
      }
      const { blob, sealed } = this.#copy.made;
      const form = new FormData();
      form.append("release", new Blob([JSON.stringify({ ...about, sealed })], { type: "application/json" }));
      form.append("file", blob, "file.age");
      return this.#send(form, blob.size, JSON.stringify({ about, key: sealed.envelope }), signal);
    });
  }

  /** Seals, signs and sends a plugin, which is small enough to be held. */
  plugin(file: File, { pluginId, version, manifest, signer, notes }: PluginAbout): Promise<Release | undefined> {
    return this.#run(async (signal) => {
      this.#begin("sealing", file.size);
      const vault = await vaultKey(signal);
      const { form } = await sealedRelease({ pluginId, version, wasm: file, manifest, signer, notes }, vault);
      signal.throwIfAborted();
      this.done = file.size;
      // Sealed anew each time, so it is another request each time; an answer that was lost is told as a version that is taken.
      return this.#send(form, file.size, crypto.randomUUID(), signal);
    });
  }

  cancel() {
    this.#stop?.abort();
  }

  /** The page is left: nothing goes on, and no sealed copy stays. */
  dispose() {
    this.cancel();
    void this.#forget();
  }

  async #run(work: (signal: AbortSignal) => Promise<Release>): Promise<Release | undefined> {
    if (this.busy) return undefined;
    this.#stop = new AbortController();
    this.error = undefined;
    const release = hold("The file is not in the shop yet. Stop it and leave the page?");
    try {
      const published = await work(this.#stop.signal);
      this.phase = "arrived";
      await this.#forget();
      return published;
    } catch (error) {
      this.phase = "idle";
      if (!this.#stop.signal.aborted) this.error = error;
      if (error instanceof SealpostError && SPOILT.test(error.code)) await this.#forget();
      return undefined;
    } finally {
      release();
    }
  }

  async #send(form: FormData, size: number, text: string, signal: AbortSignal): Promise<Release> {
    // The same again is one release, whatever became of the answer.
    if (this.#said?.text !== text) this.#said = { text, once: crypto.randomUUID() };
    this.#begin("sending", size);
    return send(form, { once: this.#said.once, signal, onProgress: (bytes) => (this.done = Math.min(bytes, size)) });
  }

  #begin(phase: "sealing" | "sending", total: number) {
    this.phase = phase;
    this.done = 0;
    this.total = total;
  }

  async #forget() {
    const spool = this.#copy?.spool;
    this.#copy = undefined;
    if (spool) await discardSpool(spool);
  }
}
