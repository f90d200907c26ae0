"use strict";
const look = document.getElementById("look");
const approve = document.getElementById("approve");
const status = document.getElementById("status");
const code = new URLSearchParams(location.search).get("code") || location.hash.slice(1);
if (code) look.elements.code.value = code;
let token = "";
let pairing = null;

async function ask(method, path, body) {
  const headers = {};
  if (token) headers.authorization = `Bearer ${token}`;
  if (body) headers["content-type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  const value = text ? JSON.parse(text) : {};
  if (!answer.ok) throw new Error([value.title, value.detail, value.hint].filter(Boolean).join(" "));
  return value;
}

function tell(work) {
  return async (event) => {
    event.preventDefault();
    status.textContent = "…";
    try {
      status.textContent = await work();
    } catch (error) {
      status.textContent = error.message;
    }
  };
}

look.addEventListener("submit", tell(async () => {
  const fields = Object.fromEntries(new FormData(look));
  token = (await ask("POST", "/auth/login", { username: fields.username, password: fields.password })).token;
  pairing = await ask("GET", `/api/v1/pairings/${encodeURIComponent(fields.code)}`);
  const { name, manufacturer, model } = pairing.printer;
  document.getElementById("printer").textContent = [name, manufacturer, model].filter(Boolean).join(", ");
  document.getElementById("short").textContent = pairing.short_code;
  look.hidden = true;
  approve.hidden = false;
  return "";
}));

approve.addEventListener("submit", tell(async () => {
  const path = `/api/v1/pairings/${encodeURIComponent(pairing.pairing_code)}/approve`;
  await ask("POST", path, { short_code: pairing.short_code });
  approve.hidden = true;
  return "Paired. The printer takes it from here.";
}));
