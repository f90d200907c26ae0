// Everything that leaves a page or stays behind in it, searched for a secret in every form it may take.

/** The forms of some bytes, as latin-1 text. */
export function forms(bytes) {
  const buffer = Buffer.from(bytes);
  const decimal = [...buffer];
  const found = new Set([
    buffer.toString("latin1"),
    buffer.toString("hex"),
    buffer.toString("hex").toUpperCase(),
    decimal.join(","),
    decimal.join(", "),
    Object.entries(decimal).map(([at, byte]) => `"${at}":${byte}`).join(","),
    BigInt(`0x${buffer.toString("hex")}`).toString(),
  ]);
  // Base64 of what holds it: in each of the three places a byte can have in a group, without the digits it shares.
  for (const [before, from] of [[0, 0], [1, 2], [2, 3]]) {
    const padded = Buffer.concat([Buffer.alloc(before), buffer]);
    const digits = padded.toString("base64").replace(/=+$/, "");
    const whole = digits.slice(from, Math.floor((padded.length * 8) / 6));
    found.add(whole).add(whole.replaceAll("+", "-").replaceAll("/", "_"));
  }
  return [...found];
}

/** The forms of some words. */
export function formsOfWords(words) {
  const list = words.split(" ");
  return [words, list.join(","), list.join('","'), list.join("%20"), list.join("+"), list.join("\n")];
}

/** The places in which one of `forms` is found. */
export function places(corpus, wanted) {
  return corpus.filter(({ text }) => wanted.some((form) => text.includes(form))).map(({ place }) => place);
}

/** All that a page sent, said, stored and hangs on its globals, as latin-1 text by place. */
export async function gather({ context, page, seen }) {
  const corpus = [];
  const add = (place, text) => corpus.push({ place, text });
  for (const request of seen.requests) {
    const headers = await request.allHeaders().catch(() => request.headers());
    const body = request.postDataBuffer()?.toString("latin1") ?? "";
    const head = `${request.method()} ${decodeURI(request.url())} ${request.url()}`;
    add("request", `${head}\n${JSON.stringify(headers)}\n${body}`);
  }
  for (const message of seen.console) add("console", message.text());
  for (const error of seen.errors) add("console", String(error.stack));
  add("cookies", JSON.stringify(await context.cookies()));
  const inside = await page.evaluate(lookInside);
  for (const [place, text] of inside) add(place, Buffer.from(text, "utf8").toString("latin1"));
  for (const [place, text] of inside) add(place, text);
  return corpus;
}

/** The strings that live in the page's heap once what nobody holds is collected. */
export async function heap({ context, page }) {
  const session = await context.newCDPSession(page);
  await session.send("HeapProfiler.enable");
  await session.send("HeapProfiler.collectGarbage");
  const chunks = [];
  session.on("HeapProfiler.addHeapSnapshotChunk", ({ chunk }) => chunks.push(chunk));
  await session.send("HeapProfiler.takeHeapSnapshot", { reportProgress: false });
  await session.detach();
  return JSON.parse(chunks.join("")).strings.map((text) => ({ place: "heap", text }));
}

/**
 * Has the page keep hold of all bytes that WebCrypto hands out, with their SHA-256 as they came: no snapshot shows bytes.
 * The script runs before the page's own.
 */
export function watchBytes(context) {
  return context.addInitScript(() => {
    const handedOut = [];
    globalThis.handedOut = handedOut;
    const { digest, decrypt, deriveBits } = SubtleCrypto.prototype;
    const watch = (original) =>
      async function (...args) {
        const bytes = await original.apply(this, args);
        if (bytes.byteLength <= 64) handedOut.push({ sha256: await digest.call(this, "SHA-256", bytes), bytes });
        return bytes;
      };
    SubtleCrypto.prototype.decrypt = watch(decrypt);
    SubtleCrypto.prototype.deriveBits = watch(deriveBits);
  });
}

/** Of bytes that WebCrypto handed out to the page with this SHA-256: how often, and what is left in them. */
export function handedOut(page, sha256) {
  return page.evaluate((wanted) => {
    const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
    return globalThis.handedOut.filter((each) => hex(each.sha256) === wanted).map((each) => hex(each.bytes));
  }, sha256);
}

/** Runs in the page: storage of every kind, and what can be reached from the globals without calling anything. */
async function lookInside() {
  const found = [];
  const text = (value) =>
    JSON.stringify(value, (_, each) => {
      if (each instanceof ArrayBuffer) return [...new Uint8Array(each)];
      if (ArrayBuffer.isView(each)) return [...new Uint8Array(each.buffer, each.byteOffset, each.byteLength)];
      if (typeof each === "bigint") return String(each);
      if (each instanceof CryptoKey) return { key: each.type, extractable: each.extractable };
      return each;
    });
  for (const [name, storage] of Object.entries({ localStorage, sessionStorage })) found.push([name, text({ ...storage })]);
  for (const { name } of await indexedDB.databases()) {
    const database = await new Promise((resolve) => {
      indexedDB.open(name).onsuccess = (event) => resolve(event.target.result);
    });
    for (const table of database.objectStoreNames) {
      const store = database.transaction(table).objectStore(table);
      const rows = await new Promise((resolve) => {
        store.getAll().onsuccess = (event) => resolve(event.target.result);
      });
      found.push(["IndexedDB", text(rows)]);
    }
    database.close();
  }
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      const body = new Uint8Array(await (await cache.match(request)).arrayBuffer());
      let kept = "";
      for (let at = 0; at < body.length; at += 8192) kept += String.fromCharCode(...body.subarray(at, at + 8192));
      found.push(["Cache", `${request.url} ${kept}`]);
    }
  }
  found.push(["address", `${location.href} ${document.referrer} ${text(history.state)}`]);
  const seen = new Set();
  const elements = new Set(document.querySelectorAll("*"));
  const open = [globalThis, ...elements];
  while (open.length > 0) {
    const each = open.pop();
    if (seen.has(each)) continue;
    seen.add(each);
    if (each instanceof ArrayBuffer || ArrayBuffer.isView(each)) {
      found.push(["globals", text(each)]);
      continue;
    }
    if (elements.has(each)) found.push(["globals", `${each.value ?? ""} ${each.textContent}`]);
    if (Array.isArray(each)) found.push(["globals", each.filter((item) => /^(string|number|bigint)$/.test(typeof item)).join(",")]);
    for (const key of Reflect.ownKeys(each)) {
      const { value } = Object.getOwnPropertyDescriptor(each, key) ?? {};
      if (typeof value === "string" || typeof value === "bigint") found.push(["globals", String(value)]);
      else if ((typeof value === "object" && value !== null) || typeof value === "function") open.push(value);
    }
    const items = /^\[object (Map|Set)\]$/.test(Object.prototype.toString.call(each)) && each !== Map.prototype && each !== Set.prototype;
    if (items) open.push(...[...each].flat().filter((item) => Object(item) === item));
  }
  return found;
}
