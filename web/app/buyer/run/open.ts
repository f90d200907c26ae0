// From a licence to a running plugin. Everything that decides is in the loader; here is what the shop asks of it.

import { PERMISSIONS, loadMarketplacePlugin } from "@sealpost/marketplace-loader";
import { SealpostError } from "@sealpost/plugin-sdk";
import { bundle } from "../api";
import type { Device, Licence, Manifest, Wallet } from "../../lib/types";

export type Stage = { name: "key" | "bundle" | "open" } | { name: "blob"; done: number; total?: number };

export interface OpenPlugin {
  manifest: Manifest;
  version: string;
  /** The key that signed it, as recorded when it was bought. */
  signer?: string;
  /** What it wrote, where it may. */
  log: string[];
  /** After a trap it is started anew, so that the next call finds it in order. */
  call(name: string, ...values: unknown[]): Promise<unknown>;
  dispose(): void;
}

/** Lines of a plugin that are kept. */
const LOG_LINES = 1000;

interface Options {
  allowUnsigned: boolean;
  signal: AbortSignal;
  onStage(stage: Stage): void;
}

export async function openPlugin(
  licence: Licence,
  device: Device,
  wallet: Wallet,
  { allowUnsigned, signal, onStage }: Options,
): Promise<OpenPlugin> {
  onStage({ name: "bundle" });
  const fetched = await bundle(licence.id, device.id, signal);
  const signer = licence.publisher_key ?? undefined;
  const log: string[] = [];
  onStage({ name: "blob", done: 0 });
  const plugin = await loadMarketplacePlugin(fetched, wallet, {
    // The key recorded at purchase, never one that the bundle brings along.
    ...(signer ? { publisherKey: signer } : { allowUnsigned }),
    // What the listing said it asks for; whoever opens it read that. Anything else stays refused.
    permissions: PERMISSIONS,
    log: (line) => {
      if (log.length < LOG_LINES) log.push(line);
    },
    signal,
    onProgress: ({ received, total }) =>
      onStage(received === total ? { name: "open" } : { name: "blob", done: received, total: total ?? undefined }),
  });
  return {
    manifest: plugin.manifest as Manifest,
    version: String(fetched.version ?? ""),
    signer,
    log,
    async call(name, ...values) {
      try {
        return plugin.call(name, ...values);
      } catch (error) {
        if (error instanceof SealpostError && error.code === "plugin_trap") await plugin.restart();
        throw error;
      }
    },
    dispose: () => plugin.dispose(),
  };
}

export function wrongDevice(what: string): SealpostError {
  return new SealpostError("wallet_not_for_licence", `${what.toLowerCase()} has no key of this licence's devices`, {
    hint: "use the one you bought it with, or add this one as a device",
  });
}
