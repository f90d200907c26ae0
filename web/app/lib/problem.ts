import { SealpostError } from "@sealpost/plugin-sdk";

/** What a person reads when something failed: a sentence, what to do, and the code for whoever helps. */
export interface Problem {
  code: string;
  sentence: string;
  hint: string;
}

const AGAIN = "Open it again; if that does not help, tell the store's operator.";
const WARN = "Do not trust it: tell the store's operator, and ask the publisher.";

/** What the packages say to developers, in words for buyers. */
const FOR_BUYERS: Record<string, [sentence: string, hint: string]> = {
  blob_wrong_hash: ["The sealed file was damaged or changed on its way.", AGAIN],
  blob_corrupt: ["The sealed file was damaged or changed on its way.", AGAIN],
  blob_format: ["The sealed file is cut short, or is none at all.", AGAIN],
  blob_unreachable: ["The sealed file could not be fetched.", "Check that this device is online, and open it again."],
  blob_refused: ["The store does not give out the sealed file.", AGAIN],
  bundle_not_for_us: ["The key that came from the store was not made for this device.", AGAIN],
  bundle_malformed: ["The store's answer cannot be read.", AGAIN],
  bundle_wrong_hash: ["What was opened is not what the publisher released, so it was not started.", WARN],
  release_bad_signature: ["The publisher's signature does not fit this version: something in it was changed.", WARN],
  release_wrong_publisher: ["This version was signed by somebody else than the publisher you bought it from.", WARN],
  plugin_link: ["The plugin wants something of this page that the shop does not give.", "Ask its publisher about it."],
};

/** What to do, where the store says it to programs. */
const HINTS: Record<string, string> = {
  not_found: "It may be gone since. If it is yours, sign in with the account that it belongs to.",
};

export function problemOf(error: unknown): Problem {
  if (error instanceof SealpostError) {
    const [sentence, hint] = FOR_BUYERS[error.code] ?? [];
    if (sentence && hint) return { code: error.code, sentence, hint };
    return { code: error.code, sentence: asSentence(error.message), hint: HINTS[error.code] ?? asSentence(error.hint.replace("send the request again", "try again")) };
  }
  return {
    code: "unexpected",
    sentence: `Something went wrong in this page: ${error instanceof Error ? error.message : String(error)}`,
    hint: "Load the page again; if it stays, tell the store's operator what you did.",
  };
}

/** Begins large and ends with a stop, as people write. */
function asSentence(text: string): string {
  const trimmed = text.trim();
  if (!trimmed) return "";
  return trimmed.charAt(0).toUpperCase() + trimmed.slice(1) + (/[.!?]$/.test(trimmed) ? "" : ".");
}
