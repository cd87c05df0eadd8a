// Behaviour of every page. Event delegation only, so nothing has to be bound again after a swap; no eval, no inline style.
// Without this file every link and form still works; only live progress and previews need it.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const reduced = matchMedia("(prefers-reduced-motion: reduce)");
const html = document.documentElement;
const typing = (target) => target.matches?.("input:not([type=checkbox],[type=radio],[type=range]), textarea, select, [contenteditable]");

// --- theme and density: their forms post without a page change ------------------------------------------------------------------------
document.addEventListener("submit", async (event) => {
  const form = event.target, { name, value } = event.submitter ?? {};
  if (!form.matches("[data-look-form]") || !value) return;
  event.preventDefault();
  const body = new FormData(form, event.submitter);
  html.dataset.still = ""; // every colour changes: two hundred transitions at once would be twelve slow frames
  html.dataset[name] = value;
  requestAnimationFrame(() => setTimeout(() => delete html.dataset.still, 60));
  for (const button of $$(`button[name=${name}]`, form)) button.setAttribute("aria-pressed", button.value === value);
  const answer = await fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" } }).catch(() => null);
  if (!answer?.ok) toast("This could not be kept. It lasts until the page is loaded again.", true);
});

// --- toasts: 6 s, longer under the pointer or the focus -----------------------------------------------------------------
export function toast(words, bad = false) {
  const box = document.createElement("div");
  box.className = "toast";
  if (bad) box.setAttribute("role", "alert");
  box.append(Object.assign(document.createElement("span"), { textContent: words }));
  $("#toasts")?.append(box);
}
const fade = (box) => {
  if (box.nodeType !== 1 || box.dataset.timed) return;
  box.dataset.timed = "1";
  const leave = () => (box.matches(":hover, :focus-within") ? setTimeout(leave, 1500) : box.remove());
  setTimeout(leave, box.matches("[role=alert]") ? 12000 : 6000);
};
const toasts = $("#toasts");
if (toasts) {
  [...toasts.children].forEach(fade);
  new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach(fade))).observe(toasts, { childList: true });
}

// --- htmx: what failed stays on the page --------------------------------------------------------------------------------
window.htmx?.config.noSwap.push("5xx");
const tells = (element) => element?.closest?.("#composer, #model-picker"); // says itself what failed, in its place
const isStream = (element) => element?.hasAttribute?.("hx-sse:connect");
document.addEventListener("htmx:response:error", (event) => {
  const { sourceElement, response } = event.detail.ctx;
  if (!isStream(sourceElement) && !tells(sourceElement) && response.status >= 500) toast("The studio failed here, not you. Load the page again to see whether it was done.", true);
});
document.addEventListener("htmx:error", (event) => {
  const source = event.detail.ctx?.sourceElement;
  if (source && !isStream(source) && !tells(source)) toast("The studio did not answer. What you typed is still here. Try again.", true);
});

// --- focus after a swap --------------------------------------------------------------------------------------------------
let focusNext = null; // a function that finds the element, made before the swap takes the old one away
document.addEventListener("htmx:before:request", (event) => {
  const { sourceElement: source, sourceEvent } = event.detail.ctx;
  if (source.matches("[data-leaves]")) {
    const tiles = $$("#grid .shot"), at = tiles.indexOf(source.closest(".shot"));
    const next = tiles[at + 1] ?? tiles[at - 1];
    focusNext = () => ($(`#${next?.id} > a`) ?? $("#gal-h"));
  } else if (source.matches("[data-more]") && sourceEvent?.type === "click") {
    const seen = $$("#grid .shot").length;
    focusNext = () => $$("#grid .shot > a")[seen];
  }
});
document.addEventListener("htmx:after:swap", (event) => {
  const asked = $("[data-focus]");
  if (asked) { asked.removeAttribute("data-focus"); asked.focus(); }
  if (focusNext && event.detail.ctx.sourceElement) { focusNext()?.focus({ preventScroll: false }); focusNext = null; }
  count();
  modules();
  followShot();
});

// --- live: the stream, and what to do without it -----------------------------------------------------------------------
const QUIET = 3000, FALLBACK = 60000, POLL = 10000;
let sayPaused, startPolling, polling, signedOut = false, alive = false;
const banner = (words, shown = true) => {
  const box = $("#live-paused");
  if (!box) return;
  if (shown) $("span", box).textContent = words;
  box.hidden = !shown;
};
const tag = (shown) => $$("[data-live]").forEach((element) => { element.hidden = !shown; });
function connected() {
  clearTimeout(sayPaused); clearTimeout(startPolling); clearInterval(polling);
  sayPaused = startPolling = polling = null;
  alive = true;
  banner("", false); tag(true);
}
function lost(status) {
  tag(false);
  if (status === 401 || status === 403) {
    signedOut = true;
    clearTimeout(sayPaused); clearTimeout(startPolling); clearInterval(polling);
    return banner("You are no longer signed in here. Load the page again.");
  }
  if (document.hidden || sayPaused) return;
  sayPaused = setTimeout(() => banner("Live updates paused. Reconnecting…"), QUIET);
  startPolling = setTimeout(() => { polling = setInterval(poll, POLL); poll(); }, FALLBACK);
}
const poll = () => { if ($("#queue-list") && !document.hidden) htmx.ajax("GET", `/queue/${location.pathname === "/queue/" ? location.search : ""}`, { target: "#queue-list", swap: "innerMorph" }); };
document.addEventListener("htmx:sse:after:connection", connected);
addEventListener("offline", () => banner("You are offline. What you typed stays here; nothing is sent until the line is back."));
addEventListener("online", () => { if (!polling && !sayPaused) banner("", false); });
document.addEventListener("htmx:sse:error", (event) => lost(event.detail.status));
document.addEventListener("htmx:sse:before:connection", (event) => {
  const { connection } = event.detail;
  if (signedOut) connection.cancelled = true;
  else if (connection.attempt > 0) lost();
});
// the extension reconnects a stream that once ran; the very first connection is ours to repeat
const first = (event) => {
  const { sourceElement: source, response } = event.detail.ctx ?? {};
  if (!isStream(source)) return;
  lost(response?.status);
  if (!signedOut) setTimeout(() => source.isConnected && !source._htmx?.sse && htmx.ajax("GET", source.getAttribute("hx-sse:connect"), { source }), 4000);
};
addEventListener("load", () => setTimeout(() => { // a stream that never began is a lost one too
  const source = $("[hx-sse\\:connect]");
  if (!source || alive || document.hidden) return;
  lost();
  htmx.ajax("GET", source.getAttribute("hx-sse:connect"), { source });
}, QUIET));
document.addEventListener("htmx:error", first);
document.addEventListener("htmx:response:error", first);

// the tab's title carries the number of one's own jobs; the badge says "mine/all" where they differ
const user = document.body.dataset.user;
function count() {
  const badge = $("#queue-badge"), all = Number(badge?.dataset.count ?? 0), bare = document.title.replace(/^\(\d+\) /, "");
  const mine = Number((` ${badge?.dataset.people ?? ""}`).match(` ${user}:(\\d+)`)?.[1] ?? 0);
  const title = mine ? `(${mine}) ${bare}` : bare;
  if (document.title !== title) document.title = title;
  if (badge && mine !== all) badge.replaceChildren(...["aria-hidden", "class"].map((name, spoken) => {
    const part = Object.assign(document.createElement("span"), { textContent: spoken ? `, ${mine} of yours and ${all} in all are active` : `${mine}/${all}` });
    part.setAttribute(name, spoken ? "vh" : "true");
    return part;
  }));
  for (const copy of $$("[data-badge]")) { // the rail and the pill show what the tab bar's badge says
    if (!badge) break;
    copy.replaceChildren(...badge.cloneNode(true).childNodes);
    copy.hidden = badge.hidden;
  }
  for (const part of $$("[data-only]")) part.hidden = part.dataset.only !== user;
}
// whoever asked for notices gets them from tabs behind others too: there the stream would rest
const notices = localStorage.getItem("notices") ?? "";
if (notices.includes("true") && window.htmx) htmx.config.sse = { ...htmx.config.sse, pauseOnBackground: false };
const hear = () => import($("#news").dataset.notices);
addEventListener("load", () => { if (notices.includes("true") || $("[data-notice]")) hear(); });
addEventListener("storage", ({ key }) => { if (key === "notices" && $("#news")) hear().then((module) => module.follow()); }); // asked for in another tab
// the page of a shot is built anew when the shot has moved on
function followShot() {
  const page = $("#shot"), card = page && $(`#job-${page.dataset.shot}`);
  if (!card || card.dataset.state === page.dataset.state || page.dataset.following || typing(document.activeElement)) return;
  page.dataset.following = "1";
  const loud = ["done", "failed", "unknown", "cancelled"].includes(card.dataset.state) || page.dataset.state === "unknown";
  if (loud) location.reload();
  else { page.dataset.state = card.dataset.state; delete page.dataset.following; }
}
count();

// elapsed times tick here; the server only says since when
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
function roughly(seconds) {
  if (seconds < 55) return `${Math.max(10, Math.round(seconds / 10) * 10)} s`;
  const halves = seconds < 300 ? Math.max(2, Math.round(seconds / 30)) : 2 * Math.round(seconds / 60);
  return `${Math.floor(halves / 2)}${halves % 2 ? "½" : ""} min`;
}
setInterval(() => {
  for (const time of $$("time[data-since]")) {
    const seconds = Math.max(0, Math.round((Date.now() - Date.parse(time.dataset.since)) / 1000));
    const usual = Number(time.dataset.usual ?? 0), left = usual - seconds;
    time.textContent = clock(seconds) + (!usual ? "" : seconds > time.dataset.late ? ", longer than usual" : left > 0 ? `, about ${roughly(left)} left` : ` of about ${clock(usual)}`);
  }
}, 1000);

// --- previews: one muted video after 120 ms, gone on leave ------------------------------------------------------------
let timer, playing;
const stop = () => {
  clearTimeout(timer);
  if (playing) { playing.pause(); playing.removeAttribute("src"); playing.load(); playing.remove(); playing = null; }
};
const start = (tile) => {
  if (reduced.matches || navigator.connection?.saveData) return;
  clearTimeout(timer);
  timer = setTimeout(() => {
    stop();
    playing = Object.assign(document.createElement("video"), { src: tile.dataset.preview, muted: true, loop: true, playsInline: true, tabIndex: -1 });
    playing.setAttribute("aria-hidden", "true");
    tile.append(playing);
    playing.play().catch(stop);
  }, 120);
};
const tileOf = (event) => event.target.closest?.("[data-preview]");
document.addEventListener("pointerover", (event) => { const tile = tileOf(event); if (tile && !tile.contains(event.relatedTarget) && event.pointerType !== "touch") start(tile); });
document.addEventListener("pointerout", (event) => { const tile = tileOf(event); if (tile && !tile.contains(event.relatedTarget)) stop(); });
document.addEventListener("focusin", (event) => { const tile = tileOf(event); if (tile && event.target.matches(":focus-visible")) start(tile); });
document.addEventListener("focusout", stop);

// --- small things --------------------------------------------------------------------------------------------------------
for (const button of $$("[data-copy]")) button.hidden = !navigator.clipboard;
document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]"), play = event.target.closest("[data-play]");
  if (copy) {
    await navigator.clipboard.writeText($(copy.dataset.copy).textContent);
    const words = $("span", copy), was = (copy.dataset.words ??= words.textContent);
    words.textContent = "Copied";
    setTimeout(() => { words.textContent = was; }, 2000);
  } else if (play && !(event.ctrlKey || event.metaKey || event.shiftKey)) {
    event.preventDefault();
    const hero = play.closest(".hero"), video = Object.assign(document.createElement("video"), { src: play.dataset.play, controls: true, playsInline: true });
    video.setAttribute("aria-label", play.getAttribute("aria-label"));
    $(".shot", hero).append(video);
    hero.classList.add("is-playing");
    hero.setAttribute("hx-morph-skip", "");
    video.focus();
    video.play().catch(() => {});
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && event.target.matches("[data-enter-sends]")) { event.preventDefault(); event.target.form.requestSubmit(); }
});

// --- keyboard: single keys, only outside fields --------------------------------------------------------------------------
let went = 0; // when G was pressed
const focusOr = (id, path) => {
  const field = $(id);
  if (!field) return location.assign(path);
  field.focus();
  field.setSelectionRange?.(field.value.length, field.value.length);
};
const sheet = async () => (await import(document.body.dataset.keys)).show();
const GO = { c: "/", g: "/gallery/", q: "/queue/", p: "/prompts/" };
document.addEventListener("keydown", (event) => {
  const key = event.key.toLowerCase(), after = Date.now() - went < 1200;
  if (typing(event.target) || event.altKey || $("dialog[open]")) return;
  if ((event.ctrlKey || event.metaKey) && key === "z" && !event.shiftKey) return $$("#toasts .btn[form=act], #toasts form .btn").at(-1)?.click(); // Undo of the newest message
  if (event.ctrlKey || event.metaKey || html.dataset.keys === "off") return;
  went = key === "g" && !after ? Date.now() : 0;
  const step = { j: "a[rel=next]", k: "a[rel=prev]", d: "a[aria-keyshortcuts=D]", s: "a[aria-keyshortcuts=S]" }[key];
  const pill = $("[data-drawer]");
  if (after && GO[key]) location.assign(GO[key]);
  else if (key === "c") { event.preventDefault(); focusOr("#prompt", "/"); }
  else if (key === "/") { event.preventDefault(); focusOr("#q", "/gallery/"); }
  else if (key === "q" && pill?.checkVisibility()) pill.click();
  else if (key === "q") $("#queue") ? $("#queue a")?.focus() : location.assign("/queue/");
  else if (key === "?") sheet();
  else if (step) $(step)?.click();
});

// what only some pages have, or only sometimes: its script comes with it
const modules = () => { for (const part of $$("[data-module]")) import(part.dataset.module); };
modules();
document.addEventListener("click", (event) => { if (event.target.closest("[data-show-keys]")) { event.target.closest("[popover]")?.hidePopover(); sheet(); } });

// the command palette comes when it is first asked for
const palette = async (link) => { (await import(link.dataset.palette)).show(link.pathname); };
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-palette]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  link.closest("[popover]")?.hidePopover();
  palette(link);
});
document.addEventListener("keydown", (event) => {
  const link = $("[data-palette]");
  if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey || !link || $("dialog[open]")) return;
  event.preventDefault();
  palette(link);
});

// the neighbours' pictures are there before anybody asks for them
addEventListener("load", () => { for (const part of $$("[data-later]")) import(part.dataset.later); });
addEventListener("load", () => (window.requestIdleCallback ?? setTimeout)(() => { for (const link of $$("[data-preload]")) new Image().src = link.dataset.preload; }));

// gallery to shot and back: one shared picture across pages, where the browser can
let origin;
document.addEventListener("click", (event) => { origin = $("img", event.target.closest?.(".shot") ?? document.createElement("i")); }, true);
addEventListener("pageswap", (event) => { if (event.viewTransition && origin) origin.style.viewTransitionName = "hero"; });
