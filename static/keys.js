// The sheet of keys, loaded when it is first asked for. Its switch turns the single keys off: they are in the way of speech
// input and of hands that hit a key by accident (WCAG 2.1.4).
const KEYS = [
  ["Generate", "Ctrl ↵"], ["Earlier, later prompt of yours", "Alt ↑ ↓"], ["Focus the prompt", "C"], ["Search", "/"], ["Go to Create, Gallery, Queue, Prompts", "G then C, G, Q, P"],
  ["The queue", "Q"], ["Search and go to", "Ctrl K"], ["Take back what was moved to the bin", "Ctrl Z"], ["Older, newer shot", "J, K"],
  ["Download, share the shot", "D, S"], ["Play, frame back, frame forward", "Space , ."], ["Mute, loop, full screen", "M L F"],
  ["Save this frame", "P"], ["In the player: back, pause, forward", "J K L"], ["In the gallery: move", "← ↑ → ↓"],
  ["Select, select a range", "X, Shift click"], ["Favourite, new take, to the bin", "F R Del"],
  ["Everything that a tile can do", "Shift F10"], ["These keys", "?"],
];
const html = document.documentElement;
const make = (tag, props = {}, ...parts) => { const element = Object.assign(document.createElement(tag), props); element.append(...parts); return element; };
const list = make("dl", { className: "facts" });
for (const [does, keys] of KEYS) list.append(make("dt", { textContent: does }), make("dd", {}, make("kbd", { className: "kbd", textContent: keys })));
const close = make("button", { className: "btn btn--sm end", type: "button", textContent: "Close" });
const single = make("input", { type: "checkbox" });
single.addEventListener("change", () => {
  html.dataset.keys = single.checked ? "on" : "off";
  document.cookie = `keys=${html.dataset.keys}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
});
const box = make("dialog", { id: "keys", className: "sheet" },
  make("div", { className: "sheet__head" }, make("h2", { id: "keys-h", textContent: "Keys" }), close),
  make("div", { className: "sheet__body" }, make("label", { className: "tick" }, single, "Single keys work outside fields"), list));
box.setAttribute("aria-labelledby", "keys-h");
close.addEventListener("click", () => box.close());
document.body.append(box);

export function show() {
  single.checked = html.dataset.keys !== "off";
  box.showModal();
}
