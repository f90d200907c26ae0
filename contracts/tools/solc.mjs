#!/usr/bin/env node
// The compiler as forge calls it (`solc --standard-json`, `solc --version`), from the npm package of the lock file.
import { readFileSync } from "node:fs";
import solc from "solc";

const options = process.argv.slice(2);
if (options.includes("--version")) {
  const version = solc.version().replace(/\.Emscripten\.clang$/, ".Linux.g++");
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${version}\n`);
} else if (options.includes("--standard-json")) {
  const file = options.find((option) => !option.startsWith("-") && option.endsWith(".json"));
  process.stdout.write(solc.compile(readFileSync(file ?? 0, "utf8")));
} else {
  process.stderr.write("only --version and --standard-json are known here\n");
  process.exitCode = 2;
}
