// Camera movements: a button writes its name into the prompt, and one after the other are combined in one bracket.
// Without this file they can be typed: [Truck left, Pan right].
const MOST = 3;
const COMBINED = /\[([^[\]]+)\]$/;
const known = () => [...document.querySelectorAll("[data-movement]")].map((button) => button.dataset.movement);

function write(name) {
  const prompt = document.querySelector("#prompt"), at = prompt.selectionEnd;
  const before = prompt.value.slice(0, at), last = before.match(COMBINED);
  const names = last ? last[1].split(",").map((each) => each.trim()) : [];
  const grows = last && names.length < MOST && !names.includes(name) && names.every((each) => known().includes(each));
  const text = grows ? `[${[...names, name].join(", ")}]` : `${before && !/\s$/.test(before) ? " " : ""}[${name}]`;
  prompt.focus();
  prompt.setSelectionRange(grows ? at - last[0].length : at, at);
  document.execCommand("insertText", false, text); // not .value: Ctrl Z takes it back
  document.querySelector("#status").textContent = `${text.trim()} is in the prompt.`;
  prompt.dispatchEvent(new Event("change", { bubbles: true })); // the row beside the button looks again
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-movement]");
  if (button) write(button.dataset.movement);
});
