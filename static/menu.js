// The menu of a tile, for those who cannot hover: Shift F10 or the menu key, and a long press. Loaded when it is first asked
// for. Its lines press the tile's own links and buttons, so there is nothing here that a tile cannot do without it.
const box = document.createElement("div");
box.className = "pop menu";
box.id = "tile-menu";
box.popover = "auto";
box.setAttribute("role", "menu");
box.setAttribute("aria-label", "What can be done with this shot");
document.querySelector("#gal").append(box); // within the landmark of its tiles
let opener = null;

const line = (words, act) => {
  const item = Object.assign(document.createElement("button"), { type: "button", className: "opt", textContent: words, tabIndex: -1 });
  item.setAttribute("role", "menuitem");
  item.addEventListener("click", () => { box.hidePopover(); act(); });
  return item;
};
const items = () => [...box.children];
box.addEventListener("keydown", (event) => {
  const all = items(), at = all.indexOf(document.activeElement);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (next !== undefined) { event.preventDefault(); all[(next + all.length) % all.length].focus(); }
  else if (event.key === "Tab") box.hidePopover();
  event.stopPropagation();
});
box.addEventListener("toggle", (event) => { if (event.newState === "closed" && (document.activeElement === document.body || box.contains(document.activeElement))) opener?.focus(); });

export function show(tile, pick) {
  const link = tile.querySelector(":scope > a"), id = tile.dataset.generationId;
  opener = link;
  const parts = [line("Open", () => link.click()), line(tile.querySelector(".pick input").checked ? "Take out of the selection" : "Select", () => pick(tile))];
  for (const part of tile.querySelectorAll(".shot__acts :is(a, button)")) parts.push(line(part.getAttribute("aria-label").split(":")[0], () => part.click()));
  if (tile.dataset.preview) parts.push(line("Download", () => location.assign(`/media/${id}/video.mp4?download=1`)), line("Share", () => location.assign(`${link.pathname}share/`)));
  box.replaceChildren(...parts);
  box.showPopover();
  const from = tile.getBoundingClientRect();
  box.style.left = `${Math.max(8, Math.min(from.left + 12, innerWidth - box.offsetWidth - 8))}px`;
  box.style.top = `${Math.max(8, Math.min(from.top + 12, innerHeight - box.offsetHeight - 8))}px`;
  parts[0].focus();
}
