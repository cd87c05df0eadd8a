// The table of models: rows that have every word of the filter, and arrows from row to row.
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const field = () => document.querySelector("[data-filter]");

export function filter() {
  const words = field().value.toLowerCase().split(/\s+/).filter(Boolean);
  let any = false;
  for (const body of $$("#model-table tbody")) {
    const rows = $$(".models__row", body);
    for (const row of rows) row.hidden = !words.every((word) => row.dataset.words.toLowerCase().includes(word));
    body.hidden = rows.every((row) => row.hidden);
    any ||= !body.hidden;
  }
  const none = document.querySelector("[data-none]");
  if (none) none.hidden = any;
}
document.addEventListener("input", (event) => { if (event.target === field()) filter(); });
document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], here = event.target;
  if (here !== field() && !here.matches?.(".models__pick")) return;
  const picks = $$(".models__pick").filter((pick) => pick.checkVisibility()), at = picks.indexOf(here);
  if (event.key === "Enter" && here === field()) { event.preventDefault(); picks[0]?.focus(); }
  if (!step) return;
  event.preventDefault();
  (at + step < 0 ? field() : picks[Math.min(at + step, picks.length - 1)])?.focus();
});
