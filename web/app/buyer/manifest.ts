// What publishers wrote, as far as a page can show it.

import type { FunctionShape, Listing, Manifest } from "../lib/types";

/** The listing, with manifests that hold what the page expects: one publisher's slip must not keep others from showing. */
export function tidied(listing: Listing): Listing {
  const releases = (listing.releases ?? []).map((release) => ({
    ...release,
    manifest: release.manifest && readManifest(release.manifest),
  }));
  return { ...listing, releases };
}

function readManifest(manifest: Manifest): Manifest {
  const permissions = Array.isArray(manifest.permissions) ? manifest.permissions : [];
  return {
    ...manifest,
    name: text(manifest.name),
    type: text(manifest.type),
    description: text(manifest.description),
    permissions: [...new Set(permissions.filter((each) => typeof each === "string"))],
    functions: isObject(manifest.functions) ? readFunctions(manifest.functions) : undefined,
  };
}

function readFunctions(functions: Record<string, unknown>): Record<string, FunctionShape> {
  const shapes = Object.entries(functions).filter((entry): entry is [string, FunctionShape] => isObject(entry[1]));
  return Object.fromEntries(shapes.map(([name, shape]) => [name, { ...shape, description: text(shape.description) }]));
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
