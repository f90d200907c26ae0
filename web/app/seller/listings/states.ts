// What the states of a listing mean to its seller.

type Kind = "plain" | "good" | "bad" | "note";

export const STATES: Record<string, { name: string; kind: Kind; text: string }> = {
  draft: { name: "Draft", kind: "note", text: "Only you see it. Nobody can buy it." },
  listed: { name: "Listed", kind: "good", text: "Everybody finds it and can buy it." },
  unlisted: { name: "Unlisted", kind: "plain", text: "It is not in the shop's lists; whoever has its address can buy it." },
  suspended: { name: "Suspended", kind: "bad", text: "The shop stopped its sale. Those who bought it keep it. Ask the shop's operator." },
};

export function stateOf(state: string) {
  return STATES[state] ?? { name: state, kind: "plain" as Kind, text: "" };
}
