// What forge asks of a compiler (`solc --standard-json`, `solc --version`), answered by one from npm.
import { readFileSync } from "node:fs";

/** @param {{ version(): string, compile(input: string): string }} solc */
export function asSolc(solc) {
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
}
