#!/usr/bin/env node
// Prints what `snapshots/` says of the marketplace beside its peers, a line each; with --json an object a line.
import { readFileSync } from "node:fs";

/** @param {string} group @returns {Record<string, number>} */
function figures(group) {
  const text = readFileSync(new URL(`../snapshots/${group}.json`, import.meta.url), "utf8");
  return Object.fromEntries(Object.entries(JSON.parse(text)).map(([name, gas]) => [name, Number(gas)]));
}

const ours = figures("OrbProMarketplace");
const plain = figures("PlainMarketplace");
const order = figures("Seaport")["basic order"];
const json = process.argv.includes("--json");

const BESIDE_PLAIN = [
  "first purchase",
  "later purchase",
  "later purchase in a token",
  "withdraw",
  "refund",
  "list",
];
for (const name of BESIDE_PLAIN) {
  print(`${name}, beside a plain contract`, ours[name], plain[name]);
}
for (const name of ["first purchase", "later purchase"]) {
  print(`${name}, beside Seaport's basic order`, ours[name], order);
}
process.stderr.write(
  `deploy: ${ours["deploy"]} gas, the plain contract ${plain["deploy"]}\n` +
    `withdraw of the treasury: ${ours["withdraw of the treasury"]} gas, the plain contract ` +
    `${plain["withdraw of the treasury"]}\n`,
);

/** @param {string} row @param {number} gas @param {number} reference */
function print(row, gas, reference) {
  const ratio = gas / reference;
  const met = ratio < 1;
  if (json) {
    const line = { row, ours: gas, reference, ratio, unit: "gas", target: 1, met };
    process.stdout.write(`${JSON.stringify(line)}\n`);
    return;
  }
  const [left, right] = [gas, reference].map((figure) => String(figure).padStart(10));
  const verdict = `${ratio.toFixed(2).padStart(6)} (< 1) ${met ? "met" : "MISSED"}`;
  process.stdout.write(`${row.padEnd(52)} ${left} gas beside ${right} gas: ${verdict}\n`);
}
