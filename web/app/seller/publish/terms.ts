// What a seller types about a listing, what is wrong with it, and what the store is sent.

import type { Own, Terms } from "./api";
import * as limits from "./limits";
import * as money from "./money";
import { shop } from "../../lib/shop.svelte";
import { isCurrency } from "../../lib/words";

export interface Form {
  title: string;
  description: string;
  pricing: "free" | "fixed";
  amount: string;
  currency: string;
  /** Prints, or devices. */
  prints: number | null;
  retries: number | null;
  sealOnce: boolean;
  updates: boolean;
  ends: boolean;
  days: number | null;
}

export type Kind = "gcode" | "plugin";

export function emptyForm(currency = "EUR"): Form {
  return {
    title: "",
    description: "",
    pricing: "free",
    amount: "",
    currency,
    prints: 1,
    retries: 1,
    sealOnce: false,
    updates: true,
    ends: false,
    days: 365,
  };
}

export function formOf(listing: Own): Form {
  const amount = money.write(listing.price);
  return {
    ...emptyForm(listing.price?.currency),
    title: listing.title,
    description: listing.description,
    pricing: amount ? "fixed" : "free",
    amount,
    prints: listing.prints,
    retries: listing.free_retries,
    sealOnce: listing.seal_once,
    updates: listing.free_updates,
    ends: listing.valid_days !== undefined,
    days: listing.valid_days ?? 365,
  };
}

/** What is wrong, by field; empty where the store will take it. */
export function errorsOf(form: Form, kind: Kind): Partial<Record<keyof Form, string>> {
  const price = form.pricing === "fixed" ? money.read(form.amount, form.currency) : undefined;
  const told = typeof price === "string" ? price : unknown(price?.currency);
  const about = /^(A|No) currency/.test(told ?? "") ? { currency: told } : { amount: told };
  const errors = {
    title: limits.title(form.title),
    description: limits.text(form.description, limits.DESCRIPTION_MAX),
    ...about,
    prints: limits.whole(form.prints, 1, limits.PRINTS_MAX),
    retries: kind === "gcode" ? limits.whole(form.retries, 0, limits.RETRIES_MAX) : undefined,
    days: form.ends ? limits.whole(form.days, 1, limits.DAYS_MAX) : undefined,
  };
  return Object.fromEntries(Object.entries(errors).filter(([, error]) => error !== undefined));
}

/** A store with a chain may sell for tokens that nobody else knows. */
function unknown(currency: string | undefined): string | undefined {
  if (!currency || isCurrency(currency) || shop.facts.chain) return undefined;
  return "No currency has this name: write its letters, such as EUR, USD or USDC.";
}

/** Of a form without errors. */
export function termsOf(form: Form, kind: Kind): Terms {
  const price = form.pricing === "fixed" ? money.read(form.amount, form.currency) : money.FREE;
  return {
    title: form.title.trim(),
    description: form.description,
    price: typeof price === "string" ? money.FREE : price,
    prints: form.prints ?? 1,
    ...(kind === "gcode" && { free_retries: form.retries ?? 0, seal_once: form.sealOnce }),
    free_updates: form.updates,
    valid_days: form.ends ? (form.days ?? 0) : 0,
  };
}
