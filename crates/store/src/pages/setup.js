"use strict";
const form = document.getElementById("setup");
const status = document.getElementById("status");
form.elements.setup_token.value = location.hash.slice(1);
history.replaceState(null, "", location.pathname);

async function send(fields) {
  const answer = await fetch("/api/v1/setup", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(fields),
  });
  if (answer.ok) return "";
  const body = await answer.json();
  return [body.detail || body.title, body.hint].filter(Boolean).map((text) => text.replace(/\.?$/, ".")).join(" ");
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(form));
  if (!fields.username) delete fields.username;
  status.className = "";
  status.textContent = "…";
  try {
    const refusal = await send(fields);
    form.hidden = refusal === "";
    status.className = refusal === "" ? "good" : "";
    status.textContent = refusal || "Done. Sign in with `sealpost login`.";
  } catch {
    status.textContent = "The store did not answer. Is it running, and is this computer online? Try again.";
  }
});
