// A listing, what buyers say of it, and what else its publisher offers.

import { ask, path } from "../lib/ask";
import { tidied } from "./manifest";
import type { Listing, Rating } from "../lib/types";

export interface Review {
  id: string;
  listing: string;
  author_name: string;
  stars: number;
  text: string;
  version?: string;
  created_at: string;
  edited_at?: string;
  /** The money went back since; what it was like stays. */
  refunded?: boolean;
  answer?: { text: string; created_at: string };
}

export interface Reviews {
  reviews: Review[];
  next?: string;
  rating?: Rating;
  /** How many have one star, two, and so on. */
  stars: number[];
}

export interface OwnReview {
  review?: Review;
  shown: boolean;
  allowed: boolean;
  reason?: string;
  detail?: string;
  hint?: string;
}

export function reviews(listing: string, after?: string): Promise<Reviews> {
  return ask("GET", path(["listings", listing, "reviews"], { after, limit: 20 }));
}

export function ownReview(listing: string): Promise<OwnReview> {
  return ask("GET", path(["listings", listing, "review"]));
}

export function writeReview(listing: string, stars: number, text: string): Promise<Review> {
  return ask("PUT", path(["listings", listing, "review"]), { body: { stars, text } });
}

export function removeReview(id: string): Promise<void> {
  return ask("DELETE", path(["reviews", id]));
}

export function answerReview(id: string, text: string, once: string): Promise<Review> {
  return ask("POST", path(["reviews", id, "answer"]), { body: { text }, once });
}

/** What else its publisher offers, and has offered. */
export async function othersOf(publisher: string, but?: string, limit = 5): Promise<Listing[]> {
  const page = await ask<{ listings: Listing[] }>("GET", path(["listings"], { publisher, limit }));
  return page.listings.filter(({ id }) => id !== but).map(tidied);
}
