#!/usr/bin/env node
// Writes `artifact/` from what forge compiled; with --check says what differs instead.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const OUT = new URL("../../target/contracts/out/", import.meta.url);
const ARTIFACTS = new URL("../artifact/", import.meta.url);
const CONTRACTS = { OrbProMarketplace: "", Usdc: "test/", FeeToken: "test/", LookAlike: "test/" };

const check = process.argv.includes("--check");
for (const [name, folder] of Object.entries(CONTRACTS)) {
  const { abi, bytecode } = JSON.parse(readFileSync(new URL(`${name}.sol/${name}.json`, OUT), "utf8"));
  const entries = abi.map((entry) => `    ${JSON.stringify(entry)}`).join(",\n");
  const text = `{\n  "abi": [\n${entries}\n  ],\n  "bytecode": ${JSON.stringify(bytecode.object)}\n}\n`;
  const file = fileURLToPath(new URL(`${folder}${name}.json`, ARTIFACTS));
  if (!check) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  } else if (readFileSync(file, "utf8") !== text) {
    process.stderr.write(`${file} is not what the source compiles to\n`);
    process.exitCode = 1;
  }
}
