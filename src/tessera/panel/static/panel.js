// What HTML cannot do alone: keys, the scanner that types, and a page that knows it went stale.
// The zones themselves come from the agent over the event stream and are swapped by htmx.
"use strict";

(() => {
  const lost = document.getElementById("lost");
  const refused = document.getElementById("refused");
  const screen = document.getElementById("screen");
  const beatMs = Number(lost.dataset.beatS) * 1000;
  const SILENT_BEATS = 3;
  const REFUSED_SHOWN_MS = 8000;
  const RELOAD_EVERY_MS = 5000;
  const CONNECT_EVERY_MS = 4000;
  const CONNECTS_MAX = 3;
  const TYPED_GAP_MS = 150;

  // ---- the stream lives, or the page says since when it does not ----------------------------

  let heardAt = performance.now();
  let heardTime = lost.dataset.time;
  let connection = null;
  let askedAt = heardAt;
  let asked = 0;

  function heard(time) {
    heardAt = performance.now();
    asked = 0;
    if (time) heardTime = time;
    lost.hidden = true;
    document.body.classList.remove("is-lost");
  }

  function lose() {
    if (!lost.hidden) return;
    lost.querySelector("strong").textContent = lost.dataset.sentence.replace("{time}", heardTime);
    lost.hidden = false;
    document.body.classList.add("is-lost");
  }

  // A new start of the agent has a new session: the page must be fetched again, but not in a rush.
  function reload() {
    const last = Number(sessionStorage.getItem("reloaded") || 0);
    if (Date.now() - last < RELOAD_EVERY_MS) return;
    sessionStorage.setItem("reloaded", String(Date.now()));
    location.reload();
  }

  function streamFailed(event) {
    lose();
    const status = event.detail.status;
    if (status === 401 || status === 403) reload();
  }

  screen.addEventListener("beat", (event) => heard(event.detail.data));
  document.addEventListener("htmx:sse:after:message", (event) => {
    if (!event.detail.message.event) heard("");
  });
  document.addEventListener("htmx:sse:after:connection", (event) => {
    connection = event.detail.connection;
  });
  document.addEventListener("htmx:sse:error", streamFailed);
  document.addEventListener("htmx:sse:close", () => {
    connection = null;
    lose();
  });

  setInterval(() => {
    const silent = performance.now() - heardAt > SILENT_BEATS * beatMs;
    if (silent) lose();
    if (lost.hidden) return;
    if (connection === null) {
      // A new attempt ends the one under way, so a busy till must be given time to answer.
      if (performance.now() - askedAt < CONNECT_EVERY_MS) return;
      askedAt = performance.now();
      if (++asked > CONNECTS_MAX) reload();
      htmx.trigger(screen, "tessera:connect");
    } else if (silent && connection.reader) {
      // A connection that neither speaks nor breaks: cancelling makes the extension connect anew.
      heardAt = performance.now();
      connection.reader.cancel();
    }
  }, Math.max(beatMs / 2, 250));

  // ---- an action that the agent refused is said, not swallowed -------------------------------

  let refusedTimer = 0;

  function refuse(text) {
    refused.querySelector("strong").textContent = refused.dataset.sentence;
    refused.querySelector("span").textContent = text;
    refused.hidden = false;
    clearTimeout(refusedTimer);
    refusedTimer = setTimeout(() => { refused.hidden = true; }, REFUSED_SHOWN_MS);
  }

  document.addEventListener("htmx:response:error", (event) => {
    if (event.target === screen) return;
    const context = event.detail.ctx;
    if (context.response.status === 401) reload();
    refuse(context.text || "");
  });

  // ---- keys -----------------------------------------------------------------------------------

  let typedAt = -Infinity;

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    if (event.key.length === 1) {
      // A scanner that types may not press a button by its characters (the space bar is one).
      if (event.timeStamp - typedAt < TYPED_GAP_MS) event.preventDefault();
      typedAt = event.timeStamp;
      return;
    }
    if (event.key === "Enter" || event.key === "Tab") {
      // Nor by the Enter or Tab that ends its code.
      if (event.timeStamp - typedAt < TYPED_GAP_MS) event.preventDefault();
      return;
    }
    if (!/^F[0-9]+$/.test(event.key)) return;
    const button = document.querySelector(`[data-key="${event.key}"]`);
    if (!button) return;
    event.preventDefault();
    if (!event.repeat) button.click();
  });
})();
