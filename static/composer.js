// The composer: counter, Ctrl Enter, the draft, earlier prompts, the choice of a model, what to do when nothing answers.
// Without this file the form posts as a page and the server answers with one; nothing here is needed for a shot.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const form = $("#composer");
const picker = $("#model-picker");
const say = (words) => { $("#status").textContent = words; };
const number = (value) => value.toLocaleString("en");

// --- counter and sliders ----------------------------------------------------------------------------------------------
function paint() {
  if ($("[data-movement]")) import(form.dataset.movements);
  if ($("#prompt[data-casts]")) import(form.dataset.mentions).then((module) => module.paint());
  const prompt = $("#prompt"), counter = $("#prompt-n"), used = [...prompt.value].length, limit = Number(counter.dataset.limit);
  counter.textContent = `${number(used)} / ${number(limit)}`;
  counter.classList.toggle("is-near", used >= limit * 0.9);
  for (const range of $$("input[type=range]", form)) {
    range.style.setProperty("--p", `${((range.value - range.min) / (range.max - range.min)) * 100}%`);
    const output = $(`output[for="${range.id}"]`);
    if (output) output.value = range.value;
  }
  for (const note of $$("[data-was]", form)) note.hidden = now(note.closest("[data-field]")) === note.dataset.was;
}

// what a field holds, in the words of forms/was.py
function now(field) {
  const images = $$("[name$='-upload'], [name$='-url']", field).filter((input) => input.value);
  if (images.length || $("[data-slot]", field)) return images.map((input) => input.value).join(" ");
  const control = $("input:checked", field) ?? $("input:not([type=radio]), select, textarea", field);
  return control ? (control.type === "checkbox" ? (control.checked ? "on" : "") : control.value) : "";
}

// --- the draft: what was typed is still there after a reload, a crash, a session that ended --------------------------
const NOT_KEPT = ["csrfmiddlewaretoken", "form_token", "whole", "clear", "parent"];
const place = `draft:${form.dataset.team}`, before = `earlier:${form.dataset.team}`;
let saving;
const entries = () => [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !NOT_KEPT.includes(name));
const read = (key) => { try { const found = JSON.parse(localStorage.getItem(key)); return Array.isArray(found) ? found : null; } catch { return null; } };
const write = (key, draft) => { try { localStorage.setItem(key, JSON.stringify(draft)); return true; } catch { return false; } }; // a full or forbidden store is no draft
const words = (draft) => draft?.find(([name]) => name === "prompt")?.[1].trim() ?? "";
const settle = () => { clearTimeout(saving); saving = 0; };
function hint(text) { $("#draft-hint").textContent = text; $("#draft-hint").hidden = false; }
function save() {
  settle();
  if (drawing) return; // the form is not the draft yet
  if (write(place, entries())) hint("Draft saved");
}
const saveSoon = () => { settle(); saving = setTimeout(save, 400); };
// A shot that is used again, or a cleared form, takes the place of the draft; the draft waits beside it.
function setAside(draft) {
  if (words(draft) && words(draft) !== words(entries())) write(before, draft);
  const earlier = read(before);
  $("#draft-back").hidden = !words(earlier) || words(earlier) === words(entries());
}
// The server draws the form from the draft, as it does when the model changes: one way for both.
function restore() {
  const start = form.dataset.start;
  let draft = read(place);
  if (!["fresh", "model", "prompt"].includes(start)) {
    setAside(draft);
    if (start === "new") localStorage.removeItem(place);
    return;
  }
  setAside(null);
  if (!draft) return;
  if (start === "prompt") draft = draft.map(([name, value]) => [name, name === "prompt" ? $("#prompt").value : value]); // a saved prompt, the rest as it was
  if (JSON.stringify(draft) !== JSON.stringify(entries())) draw(draft, start === "model" ? form.elements.model.value : "", "Draft restored");
}
let drawing = null, restored = "";
function draw(draft, model, said) {
  const values = Object.fromEntries(draft), here = form.elements.model.value;
  values.csrfmiddlewaretoken = form.elements.csrfmiddlewaretoken.value;
  const fits = Object.keys(values).every((name) => form.elements[name]) && (model || values.model) === here;
  restored = words(draft) && said;
  if (fits && !draft.some(([name]) => name.endsWith("-upload"))) return fill(draft);
  drawing = () => htmx.ajax("POST", `/models/${model || "current"}/form/`, { values, source: "#draft-back", target: "#params", swap: "innerHTML" });
  drawing();
}
function fill(draft) {
  for (const [name, value] of draft) if (name !== "model") form.elements[name].value = value;
  for (const box of $$("input[type=checkbox]", form)) box.checked = draft.some(([name]) => name === box.name);
  setTimeout(() => form.dispatchEvent(new Event("change"))); // the price follows, once htmx listens
  paint();
  tellRestored();
}
function tellRestored() {
  if (restored) { hint(restored); say(`${restored}.`); }
  restored = "";
}

// --- what was submitted before: Alt and the arrows ----------------------------------------------------------------------
let past, at = -1, typed, recalling = false;
async function recall(step) {
  past ??= await fetch("/prompts/recent/", { headers: { "X-Team": form.dataset.team } }).then((answer) => answer.json()).catch(() => null);
  if (!past?.length) return say(past ? "Nothing was submitted yet." : "Your earlier prompts could not be loaded. Try again.");
  if (at < 0) typed = $("#prompt").value;
  const next = Math.max(-1, Math.min(at + step, past.length - 1));
  if (next === at) return say(step > 0 ? "That was the oldest." : "This is what you were typing.");
  at = next;
  recalling = true;
  rewrite(at < 0 ? typed : past[at]);
  recalling = false;
  say(at < 0 ? "This is what you were typing." : `Your prompt ${at + 1} of ${past.length}.`);
}
function rewrite(text) {
  const prompt = $("#prompt");
  prompt.focus();
  prompt.select();
  // not .value: what was there comes back with Ctrl Z
  document.execCommand(text ? "insertText" : "delete", false, text);
}

// --- what could not be loaded says so where it belongs, with the way to try again ----------------------------------------
let again;
const kind = (source) => (["model-card", "estimate"].includes(source.id) ? source.id : "form");
const well = (source) => $$(`[data-failed=${kind(source)}]`).forEach((box) => box.remove());
function failed(source) {
  well(source);
  const box = Object.assign(document.createElement("div"), { className: "banner banner--bad" });
  box.dataset.failed = kind(source);
  box.setAttribute("role", "alert");
  box.append(Object.assign(document.createElement("span"), { textContent: source === form ? "No answer came, so it is not known whether this was sent. Press Retry: the same form never makes a second shot." : "Could not load. What you typed is still here, and nothing was charged." }));
  box.append(Object.assign(document.createElement("button"), { className: "btn btn--sm", type: "button", textContent: "Retry" }));
  const where = source.id === "model-card" ? $("#model-table") : source.id === "estimate" ? $("#submit-row") : $("#form-errors");
  source.id === "model-card" ? where.replaceChildren(box) : where.prepend(box);
  box.scrollIntoView({ block: "nearest" });
  again = () => (source.id === "draft-back" ? drawing() : source.id === "estimate" ? form.dispatchEvent(new Event("change")) : source === form ? form.requestSubmit($("#generate")) : source.click());
  save();
}
const ours = (source) => source && (form.contains(source) || picker.contains(source));
document.addEventListener("htmx:error", (event) => { const source = event.detail.ctx?.sourceElement; if (ours(source)) failed(source); });
document.addEventListener("htmx:response:error", (event) => {
  const { sourceElement, response } = event.detail.ctx;
  if (ours(sourceElement) && response.status >= 500) failed(sourceElement);
});

// --- keys, clicks, swaps ------------------------------------------------------------------------------------------------
document.addEventListener("keydown", (event) => {
  if (event.altKey && ["ArrowUp", "ArrowDown"].includes(event.key) && event.target.id === "prompt") { event.preventDefault(); recall(event.key === "ArrowUp" ? 1 : -1); }
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && !$("dialog[open]")) { event.preventDefault(); form.requestSubmit($("#generate")); }
});
const WAIT = "Wait until the image is uploaded, then press Generate.";
// in the capture phase, before htmx sees it
document.addEventListener("submit", (event) => {
  if (event.target !== form || !$("[data-uploading]", form)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  say(WAIT);
}, true);
document.addEventListener("click", (event) => {
  const on = (selector) => event.target.closest(selector);
  if (on("[data-choose]")) picker.close();
  if (on("#model-card")) { import(form.dataset.models); picker.showModal(); $("input", picker).select(); }
  if (on("[data-clear]")) save();
  const dice = on("[data-dice]");
  if (dice) {
    const field = document.getElementById(dice.dataset.dice);
    field.value = Math.floor(Math.random() * (Number(dice.dataset.most) + 1));
    field.dispatchEvent(new Event("change", { bubbles: true }));
    say(`The seed is ${field.value}.`);
  }
  if (on("#draft-back")) {
    const earlier = read(before);
    write(before, entries());
    write(place, earlier); // at once: whoever leaves now finds it again
    draw(earlier, "", "Earlier draft");
  }
  if (on("[data-failed] button")) again();
  const command = on("[commandfor]");
  if (command && !("commandForElement" in HTMLButtonElement.prototype)) $(`#${command.getAttribute("commandfor")}`)?.[command.getAttribute("command") === "close" ? "close" : "showModal"]?.();
  const surprise = on("[data-surprise]"), list = $("#surprises");
  if (surprise && list) { event.preventDefault(); surpriseMe(JSON.parse(list.textContent)); }
});
// the queue is a drawer where there is no room for a column; without this its page opens
const column = $("#queue");
document.addEventListener("click", (event) => {
  const pill = event.target.closest("[data-drawer]");
  if (!pill || event.ctrlKey || event.metaKey || event.shiftKey || !matchMedia("(min-width: 53.76em)").matches) return;
  event.preventDefault();
  column.popover = "auto";
  column.togglePopover();
  $("a, button", column)?.focus();
});
column.addEventListener("toggle", (event) => { if (event.target === column && event.newState === "closed") column.removeAttribute("popover"); });
let turn = Math.floor(Math.random() * 8);
const surpriseMe = (prompts) => rewrite(prompts[turn++ % prompts.length]);
form.addEventListener("input", (event) => { if (!recalling) at = -1; paint(); saveSoon(); });
form.addEventListener("change", saveSoon);
addEventListener("pagehide", () => { if (saving) save(); });

let unfolded = false; // the fold stays as the person left it when the fields are drawn anew
form.addEventListener("toggle", (event) => { if (event.target.id === "more-settings") unfolded = event.target.open; }, true);
// signed out, or signed in anew, in another tab: the draft waits on the other side
document.addEventListener("htmx:before:response", (event) => {
  const { sourceElement, response } = event.detail.ctx;
  if (!ours(sourceElement) || ![401, 403].includes(response.status)) return;
  event.preventDefault();
  save();
  if (response.status === 401) return location.assign("/accounts/login/?next=/");
  const banner = Object.assign(document.createElement("p"), { className: "banner banner--bad", textContent: "This page is out of date. Nothing was sent, nothing is charged." });
  banner.setAttribute("role", "alert");
  banner.append(Object.assign(document.createElement("a"), { className: "btn btn--sm", href: "/", textContent: "Load again" }));
  $("#form-errors").replaceChildren(banner);
  banner.scrollIntoView({ block: "nearest" });
});
// the card has its place before the studio has answered: nothing moves later, when nobody has pressed anything
document.addEventListener("htmx:before:request", (event) => {
  if (event.detail.ctx.sourceElement !== form) return;
  if (scrollY < 200) scrollTo(0, 0); // where the tray of the new shot appears
  for (let take = Number(form.elements.takes?.value || 1); take > 0; take--) $("#queue-list").prepend(Object.assign(document.createElement("li"), { className: "job skel", ariaHidden: "true" }));
});
document.addEventListener("htmx:finally:request", (event) => { if (event.detail.ctx.sourceElement === form) $$("#queue-list > .skel").forEach((card) => card.remove()); });
document.addEventListener("htmx:before:swap", () => { unfolded ||= Boolean($("#more-settings")?.open); });
document.addEventListener("htmx:after:swap", (event) => {
  const source = event.detail.ctx.sourceElement;
  if (source?.id === "model-card") return import(form.dataset.models).then((module) => module.filter());
  if (source?.id === "queue") return fed();
  if (source?.id === "draft-back") drawing = null;
  if (unfolded) $("#more-settings")?.setAttribute("open", "");
  if (ours(source)) well(source);
  if (source === form) past = undefined; // there is one more
  if (["fix", "clear", "move"].includes(source?.name)) backTo(source);
  paint();
  saveSoon();
  tellRestored();
});
// a shot is ready: what the model usually takes, and what is left of the budget, are known better now
const films = () => $$("#feed [data-play]").map((film) => film.dataset.play).join();
let seen = films();
function fed() {
  const before = seen;
  seen = films();
  if (seen !== before) htmx.trigger("#estimate", "fed");
}
// the button that was pressed is gone: the focus goes to the control that it changed
function backTo(button) {
  const name = button.value.split("=")[0].replace(/-\d+[<>]?$/, "");
  $(`[data-field="${name}"] :is(input:checked, input:not([type=radio]), select, textarea, button)`)?.focus();
}
addEventListener("load", () => import(form.dataset.images)); // nothing of it is needed for the first picture
paint();
restore();
