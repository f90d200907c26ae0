// What a seller does in the shop, by what they see.

import { readFile } from "node:fs/promises";
import path from "node:path";

import { PASSWORD } from "./store.mjs";

/** Registers somebody whose browser is signed in from then on. */
export async function signUp({ context, page }, url, name) {
  const data = { email: `${name}@example.org`, username: name, password: PASSWORD };
  const headers = { origin: url, "sec-fetch-site": "same-origin" };
  const answer = await context.request.post(`${url}/auth/session/sign-up`, { data, headers });
  if (!answer.ok()) throw new Error(`${answer.status()} ${await answer.text()}`);
  await page.goto(`${url}/shop/sell/new`);
  await page.getByRole("heading", { name: "Publish", exact: true }).waitFor();
}

/** Drops files onto the place for them, as from the desktop. */
export async function drop(page, files) {
  const given = await Promise.all(
    files.map(async (file) =>
      typeof file === "string"
        ? { name: path.basename(file), data: (await readFile(file)).toString("base64") }
        : { name: file.name, data: Buffer.from(file.content).toString("base64") },
    ),
  );
  const transfer = await page.evaluateHandle((all) => {
    const transfer = new DataTransfer();
    for (const { name, data } of all) {
      const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
      transfer.items.add(new File([bytes], name));
    }
    return transfer;
  }, given);
  const place = page.getByRole("group", { name: /^Drop/ }).first();
  for (const event of ["dragenter", "dragover", "drop"]) await place.dispatchEvent(event, { dataTransfer: transfer });
}

/** Chooses a file by the button's field: large files are not carried through the test. */
export function choose(page, file) {
  return page.locator("input[type=file]").first().setInputFiles(file);
}

/** Waits until what was sent stands there as a draft; its id. */
export async function untilDraft(page) {
  await page.getByText("Only you see it. Nobody can buy it.").waitFor();
  return new URL(page.url()).pathname.split("/").at(-1);
}
