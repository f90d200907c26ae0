// The file that somebody chose to publish, and what was read of it here.

import { SealpostError } from "@sealpost/plugin-sdk";
import { shop } from "../../lib/shop.svelte";
import { bytes } from "../../lib/words";
import type { Manifest } from "../../lib/types";
import { canRead, read } from "./beside";
import { kindOf, readManifest, type Kind } from "./file";
import type { GcodeReading } from "./messages";

export class Chosen {
  file = $state.raw<File>();
  kind = $state<Kind>();
  /** Of G-code, once it was read to its end. */
  reading = $state.raw<GcodeReading>();
  /** Of a plugin, where it came with one. */
  manifest = $state.raw<Manifest & Record<string, unknown>>();
  done = $state(0);
  busy = $state(false);
  error = $state.raw<unknown>();
  /** Whether it can be sealed and sent. */
  readonly good = $derived(
    this.file !== undefined && this.kind !== undefined && !this.busy && this.error === undefined && !this.reading?.refusal,
  );
  #stop: AbortController | undefined;

  /** Takes a file, or a plugin and its manifest; `only` is what the listing sells. */
  async take(files: File[], only?: Kind) {
    this.#stop?.abort();
    const stop = (this.#stop = new AbortController());
    const manifests = files.filter(({ name }) => /\.json$/i.test(name));
    const [file, ...more] = files.filter((each) => !manifests.includes(each));
    this.error = undefined;
    try {
      if (more.length > 0) throw refused("one_file", "these are several files", "publish them one after the other: each becomes a version of its own");
      const manifest = manifests[0] && (await readManifest(manifests[0]));
      if (!file) {
        if (manifest && this.kind === "plugin") this.manifest = manifest;
        else throw refused("manifest_alone", "this is a manifest", "choose the plugin's .wasm file, too");
        return;
      }
      this.clear();
      this.busy = true;
      this.file = file;
      const kind = await kindOf(file);
      const most = shop.facts.max_upload_bytes;
      if (most !== undefined && file.size > most) {
        throw refused("file_too_large", `this shop takes files of up to ${bytes(most)}`, "ask the shop's operator to take larger ones");
      }
      if (only && kind !== only) {
        throw only === "gcode"
          ? refused("wrong_kind", "this is a plugin, and the listing sells G-code", "choose a .gcode file, or make a listing for the plugin")
          : refused("wrong_kind", "this is no WebAssembly module, and the listing sells a plugin", "choose the plugin's .wasm file");
      }
      this.kind = kind;
      this.manifest = kind === "plugin" ? manifest : undefined;
      if (kind === "gcode" && canRead) {
        const reading = await read(file, stop.signal, (done) => (this.done = done));
        this.reading = reading;
        if (reading.refusal) throw refused(reading.refusal.code, reading.refusal.sentence, reading.refusal.hint);
      }
    } catch (error) {
      if (!stop.signal.aborted) this.error = error;
    } finally {
      if (this.#stop === stop) this.busy = false;
    }
  }

  clear() {
    this.file = undefined;
    this.kind = undefined;
    this.reading = undefined;
    this.manifest = undefined;
    this.error = undefined;
    this.done = 0;
  }

  dispose() {
    this.#stop?.abort();
  }
}

const refused = (code: string, sentence: string, hint: string) => new SealpostError(code, sentence, { hint });
