import { readFileSync } from "node:fs";

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

/**
 * The examples of the guide.
 *
 * @param {"js" | "js browser" | "js wallet"} kind
 * @returns {string[]}
 */
export const examples = (kind) =>
  Array.from(README.matchAll(/^```([a-z ]+)\n(.*?)^```$/gms)).flatMap(([, found, code]) =>
    found === kind ? [code] : [],
  );
