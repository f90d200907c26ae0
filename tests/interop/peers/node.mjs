// The peers that run on Node: one JSON request a line in, one JSON answer a line out.
//
// A request is {"op": "<family>.<operation>", ...}, an answer {"ok": {...}} or {"error": "..."}. Bytes are hex.
import { createInterface } from 'node:readline';

const FAMILIES = ['age', 'bundle', 'eme', 'hdwallet', 'noble', 'sdk', 'webcrypto'];

// Libraries that talk would break the conversation.
console.log = console.error;

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
}

async function answer({ op, ...fields }) {
  try {
    const [family, operation] = op.split('.');
    if (!FAMILIES.includes(family)) throw new Error(`there is no peer ${family} on Node`);
    const operations = await import(`./node/${family}.mjs`);
    return { ok: await operations[operation](fields) };
  } catch (error) {
    return { error: String(error?.stack ?? error) };
  }
}
