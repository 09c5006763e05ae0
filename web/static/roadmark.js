// What the pages do beyond plain forms and links; each part is optional.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const connection = byId("connection"), stale = byId("stale"), stream = byId("stream");
  const STALE_AFTER_MS = 12000, LINES_KEPT = 2000;

  // Connection: a word for live, lost and paused; `beat` events come every five seconds.
  let lastWord = Date.now(), isPaused = false, isLost = false, pausedAt = "", live = null, isUp = false;
  const clock = (date) => date.toLocaleTimeString([], { hour12: false });
  function say(state, word) {
    if (!connection || connection.dataset.state === state) return;
    connection.dataset.state = state;
    connection.querySelector(".word").textContent = word;
  }
  function check() {
    if (!connection || isPaused) return;
    isLost = Date.now() - lastWord > STALE_AFTER_MS || !isUp;
    if (!isLost) { stale.hidden = true; say("live", "live"); return; }
    if (Date.now() - lastWord < 2500) return;
    say("lost", "reconnecting");
    const words = `Connection lost – reconnecting. The page may be out of date (last word ${clock(new Date(lastWord))}).`;
    if (stale.textContent !== words) stale.textContent = words;
    stale.hidden = false;
  }
  function heard() { lastWord = Date.now(); isUp = true; check(); }
  if (connection && stream) {
    connection.hidden = false;
    stream.addEventListener("beat", heard);
    document.addEventListener("htmx:sse:after:connection", (event) => { live = event.detail.connection; heard(); });
    document.addEventListener("htmx:sse:after:message", heard);
    document.addEventListener("htmx:sse:error", () => { isUp = false; check(); });
    document.addEventListener("htmx:sse:close", () => { isUp = false; check(); });
    document.addEventListener("htmx:sse:before:message", (event) => {
      if (isPaused && !event.detail.message.event) event.detail.cancelled = true;
      else if (!event.detail.message.event && event.detail.message.id) pausedAt = event.detail.message.id;
    });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) lastWord = Date.now(); });
    byId("pause-updates").addEventListener("click", pause);
    setInterval(check, 1000);
  }
  function pause() {
    const button = byId("pause-updates");
    isPaused = !isPaused;
    button.setAttribute("aria-pressed", String(isPaused));
    button.firstChild.textContent = isPaused ? "Resume" : "Pause";
    if (isPaused) { say("paused", "paused by you"); return; }
    if (live) {
      // Go back to where the page stopped, so that what came meanwhile is sent again.
      live.lastEventId = pausedAt || new URL(stream.getAttribute("hx-sse:connect"), location.href).searchParams.get("after");
      live.reader?.cancel();
    }
    say("live", "live");
  }

  // Times: in the reader's own zone, and fresh.
  function span(ms) {
    let s = Math.max(0, Math.floor(ms / 1000));
    const d = Math.floor(s / 86400), h = Math.floor(s % 86400 / 3600), m = Math.floor(s % 3600 / 60);
    const parts = [[d, "d"], [h, "h"], [m, "m"], [s % 60, "s"]], first = parts.findIndex(([n]) => n);
    if (first < 0) return "0 s";
    return parts.slice(first, first < 2 ? first + 2 : first + 1).filter(([n]) => n).map(([n, u]) => `${n} ${u}`).join(" ");
  }
  function showTimes(root = document) {
    const now = Date.now();
    for (const node of root.querySelectorAll("time[data-show]")) {
      const at = new Date(node.dateTime), kind = node.dataset.show;
      let text = kind === "clock" ? at.toLocaleString([], { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hour12: false })
        : kind === "ago" ? (now - at < 10000 ? "just now" : span(now - at) + " ago")
        : kind === "left" ? (at > now ? span(at - now) + " left" : "overdue") : span(now - at);
      if (node.textContent !== text) node.textContent = text;
      node.title = at.toLocaleString();
    }
  }

  const plainTitle = document.title.replace(/^\(\d+\) /, "");

  // What needs the reader: in the title, in the icon, and, where the reader asked for it, as a notification.
  const icon = byId("icon"), tell = byId("tell"), LOOK_MS = 20000;
  let shownCount = Number(byId("nav-needs")?.dataset.count || 0);
  const mayTell = () => Boolean(tell?.querySelector("input").checked);
  function showCount(count) {
    document.title = count ? `(${count}) ${plainTitle}` : plainTitle;
    const wanted = count ? icon.dataset.needs : icon.dataset.calm;
    if (icon.getAttribute("href") !== wanted) icon.setAttribute("href", wanted);
    if (count > shownCount && mayTell() && document.hidden) {
      const said = new Notification("Roadmark needs you", { body: count === 1 ? "One task waits for you." : `${count} tasks wait for you.`, tag: "roadmark" });
      said.onclick = () => { window.focus(); location.assign("/inbox"); };
    }
    shownCount = count;
  }
  async function lookFromBehind() {
    // A hidden page has no stream, so that other tabs have theirs.
    if (!document.hidden || !mayTell() || isPaused) return;
    const answer = await fetch("/inbox").catch(() => null);
    const page = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html");
    const there = page && page.getElementById("nav-needs");
    if (there) showCount(Number(there.dataset.count));
  }
  if (tell && "Notification" in window) {
    const box = tell.querySelector("input");
    tell.hidden = false;
    box.checked = localStorage.getItem("tell") === "on" && Notification.permission === "granted";
    box.addEventListener("change", async () => {
      if (box.checked) box.checked = await Notification.requestPermission() === "granted";
      localStorage.setItem("tell", box.checked ? "on" : "off");
    });
    document.addEventListener("visibilitychange", lookFromBehind);
    setInterval(lookFromBehind, LOOK_MS);
  }

  // After each change of the page: times, title, the log's end.
  const scroll = byId("log-scroll");
  let follows = true;
  if (scroll) {
    scroll.scrollTop = scroll.scrollHeight;
    scroll.addEventListener("scroll", () => { follows = scroll.scrollTop + scroll.clientHeight > scroll.scrollHeight - 40; }, { passive: true });
  }
  function afterChange() {
    showTimes();
    showCount(Number(byId("nav-needs")?.dataset.count || 0));
    const lines = byId("log-lines");
    if (lines) {
      while (lines.childElementCount > LINES_KEPT) lines.firstElementChild.remove();
      if (follows) scroll.scrollTop = scroll.scrollHeight;
    }
  }
  document.addEventListener("htmx:after:swap", afterChange);
  document.addEventListener("htmx:sse:after:message", afterChange);
  setInterval(showTimes, 15000);
  showTimes();

  // Troubles of requests are said, never swallowed.
  document.addEventListener("htmx:after:request", (event) => {
    const status = event.detail.ctx?.response?.status, box = byId("trouble");
    if (!box || !status) return;
    if (status < 400 || status === 422) {
      box.hidden = true;
      if (isPaused && event.detail.ctx.request.method === "POST") pause(); // only the stream brings what an act did
      return;
    }
    box.textContent = status === 401 ? "You are signed out. What you typed is still here; sign in in another tab, then send it again."
      : status === 409 || status === 412 ? "It moved on since you looked. The page shows how it stands now; decide again."
      : status === 429 ? "Too many requests; wait a moment and try again."
      : `The service answered ${status}. Nothing was changed; try again.`;
    box.hidden = false;
    box.scrollIntoView({ block: "nearest" });
  });
  document.addEventListener("htmx:error", () => {
    const box = byId("trouble");
    if (box && !isLost) { box.textContent = "The service could not be reached. Nothing was sent; try again."; box.hidden = false; }
  });
  // Chips fill the box when the reader holds a modifier; a plain click sends the word.
  document.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-fill]");
    if (chip && (event.shiftKey || event.altKey)) {
      event.preventDefault();
      const box = byId(chip.dataset.fill);
      box.value = chip.value;
      box.focus();
    }
    for (const open of document.querySelectorAll("details.who[open], details.confirm[open]")) if (!open.contains(event.target)) open.open = false;
  });
  document.addEventListener("change", (event) => { if (event.target.matches("[data-auto]")) event.target.form.requestSubmit(); });

  // The rollback page in a dialog over the task: the same content, and plain forms inside.
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-dialog]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const answer = await fetch(link.href).catch(() => null);
    const part = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("rollback");
    if (!part) { location.assign(link.href); return; }
    const dialog = document.createElement("dialog");
    dialog.className = "wide";
    dialog.setAttribute("aria-label", "Roll back");
    dialog.append(part);
    dialog.addEventListener("close", () => dialog.remove());
    dialog.addEventListener("click", (inside) => {
      if (inside.target.closest("a[data-close]")) { inside.preventDefault(); dialog.close(); }
    });
    document.body.append(dialog);
    dialog.showModal();
    showTimes(dialog);
    dialog.querySelector("#reason")?.focus({ preventScroll: true });
    dialog.scrollTop = 0;
  });

  // Keys: off inside fields, with modifiers, and where the reader switched them off.
  const keys = byId("keys"), off = byId("keys-off");
  const areOff = () => localStorage.getItem("keys") === "off";
  if (off) { off.checked = areOff(); off.addEventListener("change", () => localStorage.setItem("keys", off.checked ? "off" : "on")); }
  let before = "";
  function step(by) {
    const rows = [...document.querySelectorAll("[data-row]")];
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const row = rows[Math.min(rows.length - 1, Math.max(0, at + by))];
    row?.querySelector("[data-open]")?.focus();
  }
  const ACTS = {
    "/": () => document.querySelector("[data-key='/']")?.focus(),
    "?": () => keys?.showModal(),
    j: () => step(1), k: () => step(-1),
    r: () => document.querySelector("[data-reply]")?.focus(),
    x: () => document.querySelector("[data-key='x']")?.click(),
    p: () => connection && pause(),
    "g f": () => location.assign("/"), "g n": () => location.assign("/inbox"), "g s": () => location.assign("/specs"),
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") for (const open of document.querySelectorAll("details.who[open], details.confirm[open]")) { open.open = false; open.querySelector("summary").focus(); }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog") || (areOff() && event.key !== "?")) return;
    const name = before === "g" ? `g ${event.key}` : event.key;
    before = event.key;
    if (ACTS[name]) { event.preventDefault(); ACTS[name](); before = ""; }
  });
})();
