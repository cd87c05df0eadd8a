// Characters in the prompt: names after @ are coloured, suggested and checked. The mirror behind the textarea has its metrics.
// Without this file they can be typed: @name.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const NAME = /@[\p{L}\p{N}_.-]*[\p{L}\p{N}_-]/gu, BEGUN = /(?:^|[^\p{L}\p{N}_@])@([\p{L}\p{N}_.-]*)$/u;
const prompt = () => $("#prompt"), list = () => $("#mentions");
let known = null; // names in lower case, once they are loaded

let loading = null; // one request at a time
const load = () => (loading ??= fetched().finally(() => { loading = null; }));
async function fetched() {
  const box = list(), answer = await fetch(prompt().dataset.casts, { headers: { "HX-Request": "true", "X-Team": document.body.dataset.team } }).catch(() => null);
  if (!answer?.ok) return;
  box.replaceChildren(...new DOMParser().parseFromString(await answer.text(), "text/html").body.children);
  known = new Set($$("[data-name]", box).map((option) => option.dataset.name.toLowerCase()));
}
const options = () => $$("[role=option]:not([hidden])", list());
const chosen = () => $("[aria-selected=true]", list());

export async function paint() {
  const field = prompt(), mirror = $(".prompt__mirror");
  if (!mirror) return;
  if (field.value.includes("@") && (known === null || !list().children.length)) await load(); // the list is new after a swap
  field.closest(".prompt").classList.remove("prompt--plain");
  const text = field.value, parts = [], strange = new Set();
  let from = 0;
  for (const found of text.matchAll(NAME)) {
    const name = found[0].slice(1).toLowerCase(), here = !known || known.has(name), typing = document.activeElement === field && field.selectionEnd === found.index + found[0].length;
    if (found.index && /[\p{L}\p{N}_]/u.test(text[found.index - 1])) continue; // an address of mail
    if (!here && !typing) strange.add(found[0]);
    parts.push(text.slice(from, found.index), Object.assign(document.createElement("span"), { className: here || typing ? "mention" : "mention mention--no", textContent: found[0] }));
    from = found.index + found[0].length;
  }
  mirror.replaceChildren(...parts, text.slice(from), "\n");
  mirror.scrollTop = field.scrollTop;
  const note = $("#mentions-unknown");
  note.hidden = !strange.size;
  $("b", note).textContent = [...strange].join(", ");
}
function close() {
  const box = list();
  if (!box) return;
  box.hidden = true;
  prompt().removeAttribute("aria-activedescendant");
}
function choose(option) {
  chosen()?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option ? prompt().setAttribute("aria-activedescendant", option.id) : prompt().removeAttribute("aria-activedescendant");
  option?.scrollIntoView({ block: "nearest" });
}
async function suggest() {
  const field = prompt();
  if (!field.value.includes("@")) return close();
  if (!known?.size || !list().children.length) await load();
  const begun = field.value.slice(0, field.selectionEnd).match(BEGUN);
  if (!begun || field.selectionStart !== field.selectionEnd) return close();
  for (const option of $$("[role=option]", list())) option.hidden = !option.dataset.name.toLowerCase().startsWith(begun[1].toLowerCase());
  const found = options();
  if (!found.length) return close();
  const opened = list().hidden;
  list().hidden = false;
  choose(found.includes(chosen()) ? chosen() : found[0]);
  if (opened) $("#status").textContent = `${found.length} character${found.length > 1 ? "s" : ""}. Arrows choose, Enter puts one in.`;
}
function insert(option) {
  const field = prompt(), end = field.selectionEnd, begun = field.value.slice(0, end).match(BEGUN);
  close();
  field.focus();
  if (!begun) return;
  field.setSelectionRange(end - begun[1].length - 1, end);
  const space = /^\s/.test(field.value.slice(end)) ? "" : " ";
  document.execCommand("insertText", false, `@${option.dataset.name}${space}`); // not .value: Ctrl Z takes it back
}
document.addEventListener("input", (event) => { if (event.target.matches("#prompt[data-casts]")) suggest(); });
document.addEventListener("scroll", (event) => { if (event.target.id === "prompt" && $(".prompt__mirror")) $(".prompt__mirror").scrollTop = event.target.scrollTop; }, true);
document.addEventListener("focusout", (event) => { if (event.target.matches("#prompt[data-casts]")) { close(); paint(); } });
// before the composer and the rest of the page
document.addEventListener("keydown", (event) => {
  if (!event.target.matches?.("#prompt[data-casts]") || !list() || list().hidden || event.ctrlKey || event.metaKey || event.altKey) return;
  const found = options(), at = found.indexOf(chosen()), step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) choose(found.at((at + step) % found.length));
  else if (event.key === "Enter" || event.key === "Tab") insert(chosen());
  else if (event.key === "Escape") close();
  else return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);
document.addEventListener("pointerdown", (event) => {
  const option = event.target.closest("#mentions [role=option]");
  if (option) { event.preventDefault(); insert(option); } // the focus stays in the prompt
});
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-mention]")) return;
  const field = prompt(), before = field.value.slice(0, field.selectionEnd);
  field.focus();
  document.execCommand("insertText", false, before && !/\s$/.test(before) ? " @" : "@");
});
