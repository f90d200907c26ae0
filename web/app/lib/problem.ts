import { SealpostError } from "@sealpost/plugin-sdk";

/** What a person reads when something failed: a sentence, what to do, and the code for whoever helps. */
export interface Problem {
  code: string;
  sentence: string;
  hint: string;
}

export function problemOf(error: unknown): Problem {
  if (error instanceof SealpostError) {
    return { code: error.code, sentence: asSentence(error.message), hint: asSentence(error.hint) };
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
