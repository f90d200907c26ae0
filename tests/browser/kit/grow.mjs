// A plugin of any size: the example plugin with its own functions again and again behind the ones it calls.

/** A module of about `size` bytes that does what `wasm` does. */
export function grow(wasm, size) {
  const sections = [...read(wasm)];
  const functions = sections.find(({ id }) => id === 3);
  const code = sections.find(({ id }) => id === 10);
  const times = Math.max(0, Math.round((size - wasm.length) / (code.body.length + functions.body.length)));
  for (const section of [functions, code]) section.body = repeated(section.body, times);
  const parts = sections.flatMap(({ id, body }) => [Buffer.from([id]), unsigned(body.length), body]);
  return Buffer.concat([wasm.subarray(0, 8), ...parts]);
}

function* read(wasm) {
  let at = 8;
  while (at < wasm.length) {
    const id = wasm[at];
    const [length, start] = number(wasm, at + 1);
    yield { id, body: wasm.subarray(start, start + length) };
    at = start + length;
  }
}

/** A vector with its items `times` times more. */
function repeated(body, times) {
  const [count, start] = number(body, 0);
  const items = body.subarray(start);
  return Buffer.concat([unsigned(count * (times + 1)), ...Array(times + 1).fill(items)]);
}

/** LEB128, unsigned. */
function number(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}

function unsigned(value) {
  const bytes = [];
  do {
    bytes.push((value % 128) | (value >= 128 ? 128 : 0));
    value = Math.floor(value / 128);
  } while (value > 0);
  return Buffer.from(bytes);
}
