// Prices as people type them, and as the store keeps them: whole minor units of the currency.

import type { Price } from "../../lib/types";
import { decimals } from "../../lib/words";

export { decimals };

/** Proposed; any other code can be typed. */
export const CURRENCIES = ["EUR", "USD", "GBP", "CHF", "CZK", "PLN", "SEK", "NOK", "DKK", "JPY", "CAD", "AUD", "USDC", "ETH"];

/** Of `4.99` and `EUR`; a text says what is wrong. Nothing is free. */
export function read(amount: string, currency: string): Price | string {
  const code = currency.trim().toUpperCase();
  if (!/^[A-Z0-9]{2,12}$/.test(code)) return "A currency is 2 to 12 letters or digits, such as EUR or USDC.";
  const [, whole, fraction = ""] = /^(\d+)(?:[.,](\d+))?$/.exec(amount.trim()) ?? [];
  const places = decimals(code);
  if (whole === undefined) return `Write the price as a number, such as ${places === 0 ? "500" : "4.99"}.`;
  if (fraction.length > places) return places === 0 ? `${code} has no decimals.` : `${code} has ${places} decimals.`;
  const minor = BigInt(whole + fraction.padEnd(places, "0"));
  // 128 bits, as the store counts.
  if (minor >= 1n << 128n) return "That is more than the store can count.";
  return { amount: minor.toString(), currency: code };
}

/** For a field that people go on typing in. */
export function write(price: Price | null | undefined): string {
  if (!price || /^0*$/.test(price.amount)) return "";
  const places = decimals(price.currency);
  if (places === 0) return price.amount;
  const padded = price.amount.padStart(places + 1, "0");
  const fraction = padded.slice(-places);
  const shown = places > 2 ? fraction.replace(/0+$/, "").padEnd(2, "0") : fraction;
  return `${padded.slice(0, -places)}.${shown}`;
}

export const FREE: Price = { amount: "0", currency: "EUR" };
