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

/** The strings and the buffers that live in the page's heap once what nobody holds is collected. */
export async function heap({ context, page }) {
  const session = await context.newCDPSession(page);
  await session.send("HeapProfiler.enable");
  await session.send("HeapProfiler.collectGarbage");
  const chunks = [];
  session.on("HeapProfiler.addHeapSnapshotChunk", ({ chunk }) => chunks.push(chunk));
  await session.send("HeapProfiler.takeHeapSnapshot", { reportProgress: false });
  const { strings } = JSON.parse(chunks.join(""));
  // Small arrays have no buffer of their own until somebody asks for it.
  const buffers = [...(await live(session, "ArrayBuffer")), ...(await live(session, "Uint8Array"))];
  await session.detach();
  return [
    ...strings.map((text) => ({ place: "string", text })),
    ...buffers.map((text) => ({ place: "buffer", text })),
  ];
}

/** The bytes of all live objects of a type, as latin-1 text. */
async function live(session, type) {
  const { result: prototype } = await session.send("Runtime.evaluate", { expression: `${type}.prototype` });
  const { objects } = await session.send("Runtime.queryObjects", { prototypeObjectId: prototype.objectId });
  const { result } = await session.send("Runtime.callFunctionOn", {
    objectId: objects.objectId,
    returnByValue: true,
    functionDeclaration: `function () {
      const text = (bytes) => {
        let all = "";
        for (let at = 0; at < bytes.length; at += 8192) all += String.fromCharCode(...bytes.subarray(at, at + 8192));
        return all;
      };
      const buffers = new Set(this.map((each) => each.buffer ?? each));
      return [...buffers].filter((each) => each instanceof ArrayBuffer && !each.detached).map((each) => text(new Uint8Array(each)));
    }`,
  });
  await session.send("Runtime.releaseObject", { objectId: objects.objectId });
  return result.value ?? [];
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
