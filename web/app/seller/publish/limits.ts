// What the store takes, said before it is asked: the same bounds as its own (crates/store/src/limits.rs, crates/market).

export const TITLE_MAX = 200;
export const DESCRIPTION_MAX = 20_000;
export const NOTES_MAX = 5_000;
export const PRINTS_MAX = 1_000_000;
export const RETRIES_MAX = 1_000;
export const DAYS_MAX = 36_500;
/** Most bytes of a plugin: it is sealed and opened whole. */
export const PLUGIN_MAX = (64 << 20) - 28;
export const MANIFEST_MAX = 48 << 10;

const CONTROL = /\p{Cc}/u;
const CONTROL_IN_TEXT = /[^\P{Cc}\n\r\t]/u;

/** Each gives a sentence about what is wrong, or nothing. */
export function title(text: string): string | undefined {
  const trimmed = text.trim();
  if (!trimmed) return "Give it a name that buyers see.";
  if ([...trimmed].length > TITLE_MAX) return `At most ${TITLE_MAX} characters; these are ${[...trimmed].length}.`;
  return CONTROL.test(trimmed) ? "It is one line of plain text." : undefined;
}

export function text(value: string, most: number): string | undefined {
  const length = [...value].length;
  if (length > most) return `At most ${most.toLocaleString("en")} characters; these are ${length.toLocaleString("en")}.`;
  return CONTROL_IN_TEXT.test(value) ? "It is plain text; there is a character in it that cannot be shown." : undefined;
}

export function whole(value: number | undefined | null, least: number, most: number): string | undefined {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return undefined;
  return `A whole number from ${least} to ${most.toLocaleString("en")}.`;
}

export function pluginId(value: string): string | undefined {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(value)) return undefined;
  return "Letters, digits, dots, dashes and underscores, beginning with a letter or digit; such as org.example.viewer.";
}

const VERSION = /^(0|[1-9]\d{0,18})(\.(0|[1-9]\d{0,18})){0,2}(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;

export function version(value: string, taken: string[]): string | undefined {
  if (value.length > 64 || !VERSION.test(value)) return "A version looks like 1.4.2 or 2.0.0-rc.1.";
  return taken.includes(inFull(value)) ? "This listing has that version already." : undefined;
}

/** `1.4` as `1.4.0`: how the store writes it, and what is signed. */
export function inFull(value: string): string {
  const [, numbers = value, rest = ""] = /^([\d.]+)(.*)$/.exec(value) ?? [];
  return [...numbers.split("."), "0", "0"].slice(0, 3).join(".") + rest;
}

/** What comes after the newest: small, middle, large. Nothing is proposed after a pre-release. */
export function following(taken: string[]): string[] {
  const numbers = taken.map((each) => /^(\d+)\.(\d+)\.(\d+)(?:\+|$)/.exec(each)).flatMap((found) => (found ? [found.slice(1, 4).map(Number)] : []));
  if (numbers.length === 0) return taken.length === 0 ? ["1.0.0"] : [];
  const newest = numbers.reduce((one, other) => (compare(one, other) > 0 ? one : other));
  const [major = 0, minor = 0, patch = 0] = newest;
  return [`${major}.${minor}.${patch + 1}`, `${major}.${minor + 1}.0`, `${major + 1}.0.0`].filter((each) => !taken.includes(each));
}

function compare(one: number[], other: number[]): number {
  for (const [place, number] of one.entries()) {
    const difference = number - (other[place] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
