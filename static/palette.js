// The command palette, loaded when it is first asked for. The lines are links, so Ctrl-click opens a tab; without this
// file the same address is a page.
const make = (tag, props = {}, attributes = {}) => {
  const element = Object.assign(document.createElement(tag), props);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};
const box = make("dialog", { id: "palette", className: "sheet palette" }, { "aria-label": "Search or go to", closedby: "any" });
const line = make("div", { className: "palette__in" });
const input = make("input", { type: "text", placeholder: "Pages, models and shots", autocomplete: "off", spellcheck: false, maxLength: 200 },
  { role: "combobox", "aria-label": "Search or go to", "aria-expanded": "true", "aria-controls": "palette-list", "aria-autocomplete": "list" });
const list = make("div", { id: "palette-list", className: "palette__list" }, { role: "listbox", "aria-label": "Found" });
line.append(input, make("kbd", { className: "kbd", textContent: "Esc" }));
box.append(line, list);
document.body.append(box);

let address, timer, asked;
const options = () => [...list.querySelectorAll("[role=option]")];
function mark(option) {
  for (const other of options()) other.setAttribute("aria-selected", other === option);
  option ? input.setAttribute("aria-activedescendant", option.id) : input.removeAttribute("aria-activedescendant");
  option?.scrollIntoView({ block: "nearest" });
}
async function look() {
  asked?.abort();
  asked = new AbortController();
  const { signal } = asked;
  try {
    const answer = await fetch(`${address}?q=${encodeURIComponent(input.value)}`, { headers: { "HX-Request": "true", "X-Team": document.body.dataset.team }, signal });
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    list.innerHTML = await answer.text();
    mark(options()[0]);
    document.querySelector("#status").textContent = `${options().length} found`;
  } catch {
    if (signal.aborted) return;
    const again = make("button", { type: "button", className: "btn btn--sm", textContent: "Retry", onclick: look });
    list.replaceChildren(make("p", { className: "palette__none", textContent: "Could not load. " }), again);
  }
}
input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, 80); });
box.addEventListener("keydown", (event) => {
  const all = options(), at = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
  const next = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
  if (next !== undefined && all.length) { event.preventDefault(); mark(all[(next + all.length) % all.length]); }
  else if (event.key === "Enter" && event.target === input && all[at]) {
    event.preventDefault();
    event.ctrlKey || event.metaKey ? open(all[at].href) : location.assign(all[at].href);
  }
});
list.addEventListener("pointermove", (event) => { const option = event.target.closest("[role=option]"); if (option) mark(option); });

export function show(href) {
  address = href;
  if (box.open) return;
  box.showModal();
  input.select();
  look();
}
