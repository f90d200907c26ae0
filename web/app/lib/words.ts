// Figures and dates as people write them.

import type { Licence, Listing, Price, Release } from "./types";

const formatter = (digits: number) => new Intl.NumberFormat("en", { maximumFractionDigits: digits });
const whole = formatter(0);

export function number(value: number, digits = 0): string {
  return (digits === 0 ? whole : formatter(digits)).format(value);
}

export function bytes(size: number): string {
  if (size < 1000) return `${size} bytes`;
  return size < 1e6 ? `${number(size / 1e3)} kB` : `${number(size / 1e6, 1)} MB`;
}

export function duration(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) return `${Math.round(seconds)} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function time(text: string): string {
  return new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" }).format(new Date(text));
}

/** The same to the second. */
export function moment(text: string): string {
  return new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" }).format(new Date(text));
}

export function date(text: string): string {
  return new Intl.DateTimeFormat("en", { dateStyle: "medium" }).format(new Date(text));
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** Such as `3 hours ago`; a date when it is longer ago than a month. */
export function ago(text: string, now = Date.now()): string {
  const seconds = (new Date(text).getTime() - now) / 1000;
  if (Math.abs(seconds) > 30 * 86_400) return date(text);
  const [unit, size] = STEPS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return unit === "second" ? "just now" : relative.format(Math.trunc(seconds / size), unit);
}

/** As in crates/market/src/money.rs; 2 for all others. */
const DECIMALS: Record<string, number> = Object.fromEntries(
  Object.entries({
    0: "JPY KRW CLP ISK VND XAF XOF XPF PYG UGX RWF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    6: "USDC USDT EURC",
    8: "BTC WBTC CBBTC HBAR",
    18: "ETH WETH DAI POL MATIC BNB AVAX XDAI CELO",
  }).flatMap(([decimals, codes]) => codes.split(" ").map((code) => [code, Number(decimals)])),
);

/** Digits behind the point of the store's smallest unit of a currency. */
export function decimals(currency: string): number {
  return DECIMALS[currency.toUpperCase()] ?? 2;
}

/** Such as `1.5`, of 1500000 with six decimals: every digit that is there, none that is not. */
export function units(amount: string, decimals: number): string {
  const padded = amount.padStart(decimals + 1, "0");
  const [before, after] = [padded.slice(0, padded.length - decimals), padded.slice(padded.length - decimals)];
  const whole = BigInt(before).toLocaleString("en");
  const fraction = after.replace(/0+$/, "");
  return fraction ? `${whole}.${fraction}` : whole;
}

/** An amount of a coin or token. */
export function coins(amount: string, currency: string, decimals: number): string {
  return `${units(amount, decimals)} ${currency}`;
}

export function price(value: Price | null | undefined): string {
  return !value || /^0*$/.test(value.amount) ? "Free" : worth(value);
}

/** What a purchase cost: a voucher and a gift cost their buyer nothing here, whatever the price is. */
export function cost({ price: of, method }: { price?: Price | null; method: string }): string {
  if (method === "voucher") return "Free, by a voucher";
  return method === "free" ? "Free" : price(of);
}

/** A price, of nothing too. */
export function worth(value: Price): string {
  const digits = isMoney(value.currency) ? decimals(value.currency) : (value.decimals ?? decimals(value.currency));
  if (!isMoney(value.currency)) return coins(value.amount, value.currency, digits);
  // The store's count of digits, which is not the browser's for every currency.
  const style = { style: "currency", currency: value.currency, minimumFractionDigits: digits, maximumFractionDigits: digits } as const;
  const padded = value.amount.padStart(digits + 1, "0");
  const units = digits === 0 ? padded : `${padded.slice(0, -digits)}.${padded.slice(-digits)}`;
  return new Intl.NumberFormat("en", style).format(units as Intl.StringNumericLiteral);
}

/** Whether it is money that the browser knows, or a coin that the shop does. */
export function isCurrency(code: string): boolean {
  return isMoney(code) || code in DECIMALS;
}

/** Whether the browser writes it as money. */
function isMoney(currency: string): boolean {
  return Intl.supportedValuesOf("currency").includes(currency);
}

export function isFree(listing: Listing): boolean {
  return price(listing.price) === "Free";
}

/** Why a licence gives nothing, by the state of its purchase. */
export function why({ state }: Licence, purchase: string | undefined): string {
  if (purchase === "undone") return "The chain took its payment back; it comes back by itself if the payment does.";
  if (purchase === "refunded") return "Its payment was given back.";
  return state === "suspended" ? "The shop or the publisher stopped it: ask them." : "The publisher or the shop ended it: ask them.";
}

/** The release a buyer gets: the newest that was not taken back. */
export function current(listing: Listing): Release | undefined {
  return listing.releases.find((release) => release.state === "active");
}

/** Text of somebody else's, where no element can keep it apart: titles of windows, notifications (Unicode's isolates). */
export function isolated(text: string): string {
  return `\u2068${text}\u2069`;
}

/** A key or hash in a length that people compare. */
export function short(hex: string): string {
  return hex.length > 20 ? `${hex.slice(0, 8)}…${hex.slice(-8)}` : hex;
}

const PERMISSIONS: Record<string, string> = {
  log: "write lines that are shown beside its result",
  clock: "read the time",
  random: "draw random numbers",
};

export function permission(name: string): string {
  return PERMISSIONS[name] ?? `use “${name}”, which this shop does not know and will not give`;
}
