"use strict";
const look = document.getElementById("look");
const decide = document.getElementById("approve");
const status = document.getElementById("status");
const code = new URLSearchParams(location.search).get("code") || location.hash.slice(1);
if (code) look.elements.code.value = code;
let token = "";
let pairing = null;

async function ask(method, path, body) {
  const headers = {};
  if (token) headers.authorization = `Bearer ${token}`;
  if (body) headers["content-type"] = "application/json";
  let answer, value;
  try {
    answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    value = text ? JSON.parse(text) : {};
  } catch {
    throw new Error("The store did not answer. Is it running, and is this device online? Try again.");
  }
  if (answer.ok) return value;
  const said = [value.detail || value.title, value.hint].filter(Boolean);
  throw new Error(said.map((text) => text.replace(/\.?$/, ".")).join(" "));
}

function tell(work) {
  return async (event) => {
    event.preventDefault();
    status.className = "";
    status.textContent = "…";
    try {
      status.textContent = await work(event);
      status.className = "good";
    } catch (error) {
      status.textContent = error.message;
    }
  };
}

look.addEventListener("submit", tell(async () => {
  const fields = Object.fromEntries(new FormData(look));
  token = "";
  token = (await ask("POST", "/auth/login", { username: fields.username, password: fields.password })).token;
  pairing = await ask("GET", `/api/v1/pairings/${encodeURIComponent(fields.code.trim())}`);
  const { name, manufacturer, model } = pairing.printer;
  document.getElementById("printer").textContent = [name, manufacturer, model].filter(Boolean).join(", ");
  document.getElementById("short").textContent = pairing.short_code;
  look.reset();
  look.hidden = true;
  decide.hidden = false;
  return "";
}));

decide.addEventListener("submit", tell(async (event) => {
  const path = `/api/v1/pairings/${encodeURIComponent(pairing.pairing_code)}`;
  const denied = event.submitter && event.submitter.value === "deny";
  if (denied) await ask("POST", `${path}/deny`, {});
  else await ask("POST", `${path}/approve`, { short_code: pairing.short_code });
  decide.hidden = true;
  // The sign-in was for this one question.
  await ask("POST", "/auth/logout", {}).catch(() => {});
  return denied ? "Turned away. Start pairing again at the printer." : "Paired. The printer takes it from here.";
}));
