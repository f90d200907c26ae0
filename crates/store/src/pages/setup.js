"use strict";
const form = document.getElementById("setup");
const status = document.getElementById("status");
form.elements.setup_token.value = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = Object.fromEntries(new FormData(form));
  if (!fields.username) delete fields.username;
  status.textContent = "…";
  const answer = await fetch("/api/v1/setup", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(fields),
  });
  const body = await answer.json();
  if (answer.ok) {
    form.hidden = true;
    status.textContent = "Done. Sign in with `sealpost login`.";
  } else {
    status.textContent = [body.title, body.detail, body.hint].filter(Boolean).join(" ");
  }
});
