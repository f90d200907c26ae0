// What browsers say of themselves, in words.

const BROWSERS: [pattern: RegExp, name: string][] = [
  [/\bEdg(?:e|A|iOS)?\//, "Edge"],
  [/\bOPR\/|\bOpera\b/, "Opera"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\bFirefox\/|\bFxiOS\//, "Firefox"],
  [/\bCriOS\/|Chrom(?:e|ium)\//, "Chrome"],
  [/\bVersion\/[\d.]+.*\bSafari\//, "Safari"],
];

const SYSTEMS: [pattern: RegExp, name: string][] = [
  [/\biPhone\b/, "iPhone"],
  [/\biPad\b/, "iPad"],
  [/\bAndroid\b/, "Android"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b|\bMacintosh\b/, "Mac"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bLinux\b/, "Linux"],
];

/** Such as `Firefox on Linux`; as it says it itself when nobody knows it. */
export function browser(agent: string | undefined): string {
  if (!agent) return "A browser that does not say which";
  const of = (list: [RegExp, string][]) => list.find(([pattern]) => pattern.test(agent))?.[1];
  const [name, system] = [of(BROWSERS), of(SYSTEMS)];
  if (name && system) return `${name} on ${system}`;
  return name ?? agent.slice(0, 60);
}

/** The kinds of mails, as people read them. */
export const MAILS = {
  print_ended: ["A print of mine ended", "Printed, failed or expired."],
  print_needs_someone: ["A print of mine needs somebody", "Paused, or nobody knows how it goes."],
  order_declined: ["An order of mine is declined", "With what the seller says."],
  sale: ["My sales", "Bought, cancelled, paid back, a review, a listing that was taken off sale."],
  webhook_failing: ["A webhook of mine is not taken", "Once, when it is given up."],
} as const;

/** `0x1234…abcd`. */
export function short(address: string): string {
  return `${address.slice(0, 8)}…${address.slice(-6)}`;
}
