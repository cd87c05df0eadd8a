// The gallery: one tab stop with arrows, the selection, the size of the pictures.
// Without this file every tile's link, checkbox and buttons are stops of their own, and the bar of the selection stays open.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const gal = $("#gal"), bar = $("#picked"), say = (words) => { $("#status").textContent = words; };
const tiles = () => $$("#grid .shot");
const linkOf = (tile) => $(":scope > a", tile);
const boxOf = (tile) => $(".pick input", tile);

// --- size: the rows, remembered for a year ----------------------------------------------------------------------------
const size = $("#rows");
size.addEventListener("input", () => {
  gal.dataset.size = size.value;
  document.cookie = `rows=${size.value}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
});

// --- one tab stop -------------------------------------------------------------------------------------------------------
let current = null; // the id of the tile that Tab comes to
function rove(next) {
  const tile = next ?? $(`#${current}`) ?? $("#grid .shot");
  current = tile?.id ?? null;
  for (const part of $$("#grid .shot :is(a, button, input):not([tabindex='-1'])")) part.tabIndex = -1; // only what is new, and the last stop
  if (tile) linkOf(tile).tabIndex = 0;
}
function above(tile, step) { // the nearest tile in the row above (-1) or below (+1)
  const all = tiles(), from = tile.getBoundingClientRect(), middle = from.left + from.width / 2;
  let row = null, best = null;
  for (let at = all.indexOf(tile) + step; all[at]; at += step) {
    const box = all[at].getBoundingClientRect();
    if (Math.abs(box.top - from.top) < 4) continue;
    row ??= box.top;
    if (Math.abs(box.top - row) > 4) break;
    const away = Math.abs(box.left + box.width / 2 - middle);
    if (!best || away < best.away) best = { tile: all[at], away };
  }
  return best?.tile;
}
const STEPS = {
  ArrowRight: (tile, all) => all[all.indexOf(tile) + 1],
  ArrowLeft: (tile, all) => all[all.indexOf(tile) - 1],
  ArrowDown: (tile) => above(tile, 1),
  ArrowUp: (tile) => above(tile, -1),
  Home: (tile, all) => all[0],
  End: (tile, all) => all.at(-1),
};
const VERBS = {
  x: (tile) => pick(tile, !boxOf(tile).checked),
  f: (tile) => $("[id^=fav-]", tile)?.click(),
  r: (tile) => $(".shot__acts a.mbtn", tile)?.click(),
  s: (tile) => (picked.size ? $("[aria-keyshortcuts=S]", bar)?.click() : tile.dataset.preview && location.assign(`${linkOf(tile).pathname}share/`)),
  Delete: (tile) => (picked.size ? $("[aria-keyshortcuts=Delete]", bar)?.click() : $("[data-leaves]", tile)?.click()),
};
document.addEventListener("focusin", (event) => { const tile = event.target.closest?.("#grid .shot"); if (tile) rove(tile); });
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
  if (event.key === "Escape" && !$(":popover-open")) return picked.size ? clear() : selecting(false);
  const tile = event.target.closest?.("#grid .shot");
  if (!tile) return;
  const next = STEPS[event.key]?.(tile, tiles()), single = event.key.length === 1 && document.documentElement.dataset.keys !== "off";
  const verb = VERBS[single ? event.key.toLowerCase() : event.key.length > 1 && event.key];
  if (next) {
    event.preventDefault();
    if (event.shiftKey) { pick(tile, true); pick(next, true); }
    rove(next);
    linkOf(next).focus();
    next.scrollIntoView({ block: "nearest" });
  } else if (verb && !event.shiftKey) {
    event.preventDefault();
    verb(tile);
  }
});

// --- the selection: it outlives loading and filtering ------------------------------------------------------------------
const picked = new Set();
let last = null; // where a range begins
function show() {
  for (const tile of tiles()) { const box = boxOf(tile); if (box) box.checked = picked.has(box.value); }
  const here = new Set($$("#grid .pick input").map((box) => box.value));
  for (const kept of $$("[data-kept]", bar)) kept.remove();
  for (const value of picked) { // those that the filters hide now still go with the form
    if (here.has(value)) continue;
    const kept = Object.assign(document.createElement("input"), { type: "hidden", name: "pick", value });
    kept.dataset.kept = "";
    bar.append(kept);
  }
  const hidden = [...picked].filter((value) => !here.has(value)).length;
  $("#picked-n").textContent = `${picked.size} selected` + (hidden ? `, ${hidden} not shown` : "");
  bar.classList.toggle("is-on", picked.size > 0);
  if (picked.size) selecting(true);
}
function pick(tile, on) {
  const box = boxOf(tile);
  if (!box) return;
  on ? picked.add(box.value) : picked.delete(box.value);
  last = tile.id;
  show();
  say(`${picked.size} selected`);
}
function range(tile) {
  const all = tiles(), from = all.indexOf($(`#${last}`)), to = all.indexOf(tile);
  if (from < 0) return pick(tile, true);
  for (const other of all.slice(Math.min(from, to), Math.max(from, to) + 1)) picked.add(boxOf(other).value);
  pick(tile, true);
}
function clear() { picked.clear(); last = null; show(); say("Nothing selected"); }
function selecting(on) {
  gal.classList.toggle("is-selecting", on);
  $("#select").setAttribute("aria-pressed", on);
}
$("#select").addEventListener("click", () => {
  const on = !gal.classList.contains("is-selecting");
  if (!on) clear();
  selecting(on);
});
bar.addEventListener("reset", (event) => { event.preventDefault(); clear(); selecting(false); });
document.addEventListener("click", (event) => {
  const tile = event.target.closest("#grid .shot"), day = event.target.closest("[data-pick-day]");
  if (day) {
    const boxes = $$(".pick input", day.closest(".day")), on = boxes.some((box) => !picked.has(box.value));
    for (const box of boxes) on ? picked.add(box.value) : picked.delete(box.value);
    show();
    return say(`${picked.size} selected`);
  }
  if (!tile) return;
  const box = event.target.closest(".pick input");
  if (box) return event.shiftKey ? range(tile) : pick(tile, box.checked);
  if (!event.target.closest("a:not(.mbtn)") || event.ctrlKey || event.metaKey) return;
  if (event.shiftKey) { event.preventDefault(); range(tile); getSelection()?.removeAllRanges(); }
  else if (gal.classList.contains("is-selecting")) { event.preventDefault(); pick(tile, !boxOf(tile).checked); }
});
// --- the menu of a tile: Shift F10, the menu key, a long press -----------------------------------------------------------
const menu = async (tile) => (await import(gal.dataset.menu)).show(tile, (one) => pick(one, !boxOf(one).checked));
document.addEventListener("keydown", (event) => {
  const tile = event.target.closest?.("#grid .shot");
  if (!tile || !(event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey))) return;
  event.preventDefault();
  menu(tile);
});
let pressing, pressed = 0; // when a long press opened the menu: the click that ends it opens nothing
const release = () => clearTimeout(pressing);
document.addEventListener("pointerdown", (event) => {
  const tile = event.target.closest?.("#grid .shot");
  if (event.pointerType === "touch" && tile) pressing = setTimeout(() => { pressed = Date.now(); menu(tile); }, 500);
});
for (const name of ["pointerup", "pointercancel", "pointermove", "scroll"]) document.addEventListener(name, (event) => { if (name !== "pointermove" || Math.hypot(event.movementX, event.movementY) > 6) release(); }, { passive: true });
document.addEventListener("contextmenu", (event) => { if (Date.now() - pressed < 1500) event.preventDefault(); });
document.addEventListener("click", (event) => { if (Date.now() - pressed < 800 && event.target.closest("#grid .shot")) { event.preventDefault(); event.stopPropagation(); } }, true);
bar.addEventListener("keydown", (event) => { // not the form's first button
  if (event.key !== "Enter" || !event.target.matches("#collect input")) return;
  event.preventDefault();
  $("#collect .btn--paper").click();
});

document.addEventListener("change", ({ target }) => { // what is taken out leaves the collection that is shown
  const list = $("#collect select");
  if (target.id === "fold-collection" && target.value && list) list.value = target.value;
});

let next = null; // the tile that gets the focus when those of a press have gone
document.addEventListener("htmx:before:request", (event) => {
  if (!event.detail.ctx.sourceElement.matches?.("[data-clears]")) return;
  const all = tiles(), at = all.findIndex((tile) => picked.has(boxOf(tile).value));
  next = [...all.slice(at), ...all.slice(0, Math.max(at, 0)).reverse()].find((tile) => !picked.has(boxOf(tile).value))?.id ?? "none";
});
document.addEventListener("htmx:finally:request", (event) => {
  const { sourceElement, response } = event.detail.ctx;
  if (!sourceElement?.matches?.("[data-clears]") || !(response?.status < 300)) return;
  clear();
  selecting(false);
  setTimeout(() => { const tile = $(`#${next}`); if (tile) rove(tile); (tile ? linkOf(tile) : $("#gal-h")).focus(); });
});

// --- what could not be loaded says so in its place, and can be tried again -----------------------------------------------
function failed(event) {
  const { sourceElement: source, response } = event.detail.ctx ?? {};
  if (response && response.status < 500) return;
  if (source?.matches?.("[data-more]")) source.textContent = "Could not load. Retry";
  if (source?.id !== "filters" || $("#grid-failed")) return;
  const box = Object.assign(document.createElement("p"), { id: "grid-failed", className: "banner banner--bad", textContent: "Could not load. What is below was there before. " });
  const again = Object.assign(document.createElement("button"), { type: "button", className: "btn btn--sm", textContent: "Retry" });
  again.addEventListener("click", () => source.requestSubmit());
  box.setAttribute("role", "alert");
  box.append(again);
  $("#grid").prepend(box);
}
document.addEventListener("htmx:error", failed);
document.addEventListener("htmx:response:error", failed);

// --- after a swap, and at the beginning --------------------------------------------------------------------------------
const changed = (changes) => changes.some(({ target }) => target.tagName !== "LI"); // a preview that begins is no news
new MutationObserver((changes) => { if (changed(changes)) { rove(); show(); } }).observe($("#grid"), { childList: true, subtree: true });
addEventListener("pageshow", () => { for (const tile of tiles()) if (boxOf(tile)?.checked) picked.add(boxOf(tile).value); show(); });
rove();
