// Shots that others start while one looks wait behind a button, so that nothing moves under one's hand; what one starts
// oneself comes at once, with the answer to one's own press. Cards that are there are always true.
// Without this file both lists grow at their top as the stream says.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const FINAL = ["done", "failed", "cancelled"];
const isStream = (element) => element?.hasAttribute?.("hx-sse:connect");
const here = (item) => item.id && document.getElementById(item.id);
let held = []; // ids of cards that wait
let open = !$("#feed > .take"); // whether the next new takes are shown at once
let known = new Set($$("#feed > .take").map((take) => take.id));

// the list, card by card: what is there is drawn anew in its place, what is new waits
function byCard(task, list) {
  const items = [...task.fragment.children], ids = new Set(items.map((item) => item.id));
  const gone = [...list.children].filter((item) => !ids.has(item.id));
  held = items.filter((item) => item.matches(".job") && !here(item)).map((item) => item.id);
  const moves = held.length || gone.length || items.some((item, at) => item.id !== list.children[at]?.id);
  if (!moves || !$(".job", list) || gone.some((item) => item.matches(".job") && !FINAL.includes(item.dataset.state))) return [task];
  for (const item of gone) if (item.id === "queue-more") item.remove();
  return items.filter(here).map((item) => {
    const fragment = document.createDocumentFragment();
    fragment.append(item);
    return { ...task, fragment, target: here(item), swapSpec: { ...task.swapSpec, style: "outerMorph" } };
  });
}

// an answer to a press was drawn before it travelled: what the stream has shown since is newer and stays
function keepNewer(fragment) {
  for (const card of fragment?.querySelectorAll(".job[data-at]") ?? []) {
    const shown = here(card);
    if (Number(shown?.dataset.at) > Number(card.dataset.at)) card.replaceWith(shown.cloneNode(true));
  }
}

document.addEventListener("htmx:before:swap", ({ detail: { ctx, tasks } }) => {
  const list = $("#queue-list");
  for (const task of tasks.splice(0)) {
    if (!isStream(ctx.sourceElement)) { keepNewer(task.fragment); tasks.push(task); }
    else if (task.target === list) tasks.push(...byCard(task, list));
    else if (task.target) tasks.push(task); // else it is of a card that waits
  }
  const feed = tasks.map((task) => $("#feed", task.fragment)).find(Boolean);
  if (!feed) return;
  const takes = $$(":scope > .take", feed); // when none of those that one sees is left among them, all of them are shown
  if (open || !takes.some((take) => known.has(take.id))) known = new Set(takes.map((take) => take.id));
  if (takes.some((take) => !here(take))) open = false;
  for (const take of takes) take.hidden = !known.has(take.id);
});
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => { if (ctx.sourceElement.matches("#composer, [id^=job-retry]")) open = true; });
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx.sourceElement?.id === "composer" && ctx.response?.status >= 400) open = false; // refused: nothing of one's own will come
  held = held.filter((id) => !document.getElementById(id));
  say("#queue-new", held.length, "new");
  say("#feed-new", $$("#feed > .take[hidden]").length, "new above");
});
function say(where, count, words) {
  const button = $(where);
  if (!button) return;
  button.hidden = !count;
  $("span", button).textContent = `${count} ${words}`;
}
document.addEventListener("click", (event) => {
  if (event.target.closest("#queue-new")) htmx.ajax("GET", `/queue/${location.pathname === "/queue/" ? location.search : ""}`, { target: "#queue-list", swap: "innerMorph" })
    .then(() => { if ($("#queue-new")?.hidden) $("#queue-list .job a")?.focus({ preventScroll: true }); });
  if (!event.target.closest("#feed-new")) return;
  for (const take of $$("#feed > .take[hidden]")) { take.hidden = false; known.add(take.id); }
  $("#feed-new").hidden = true;
  scrollTo({ top: 0 });
  $("#feed > .take a")?.focus({ preventScroll: true });
});
