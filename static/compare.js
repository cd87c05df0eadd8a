// The page that compares shots: one play head and one sound for all of them. Without this file each has its own controls.
const page = document.querySelector("#compare");
const videos = [...page.querySelectorAll("video")], bar = page.querySelector(".cmp__bar"), seek = bar.querySelector("input");
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
const typing = (target) => target.matches?.("input:not([type=range]), textarea, select, button, a, summary");
const longest = () => videos.reduce((best, video) => ((video.duration || 0) > (best.duration || 0) ? video : best));
let loop = true, on = false;

function paint() {
  const head = longest(), total = head.duration || 0;
  seek.max = total || 1;
  seek.value = head.currentTime;
  seek.style.setProperty("--p", `${total ? (head.currentTime / total) * 100 : 0}%`);
  seek.setAttribute("aria-valuetext", `${head.currentTime.toFixed(1)} of ${total.toFixed(1)} seconds`);
  bar.querySelector("[data-now]").textContent = `${clock(head.currentTime)} / ${clock(total)}`;
  bar.querySelector("[data-when=paused]").hidden = on;
  bar.querySelector("[data-when=playing]").hidden = !on;
  const words = on ? "Pause all" : "Play all", label = bar.querySelector("[data-label]");
  if (label.textContent !== words) { label.textContent = words; label.parentElement.setAttribute("aria-label", words); }
}
const to = (seconds) => videos.forEach((video) => { video.currentTime = Math.min(seconds, video.duration || 0); });
function play(wanted) {
  on = wanted;
  if (on && longest().ended) to(0);
  for (const video of videos) on ? !video.ended && video.play().catch(() => {}) : video.pause();
  paint();
  if (on) requestAnimationFrame(follow);
}
function follow() {
  if (!on) return;
  const head = longest();
  if (head.ended) {
    if (!loop) return play(false);
    to(0);
    for (const video of videos) video.play().catch(() => {});
  }
  for (const video of videos) { // a tenth of a second apart is seen
    if (video !== head && !video.ended && !video.seeking && Math.abs(video.currentTime - head.currentTime) > 0.1) video.currentTime = head.currentTime;
  }
  paint();
  requestAnimationFrame(follow);
}
const hear = (chosen) => {
  for (const video of videos) {
    const button = video.parentElement.querySelector("[data-hear]");
    video.muted = button !== chosen;
    button?.setAttribute("aria-pressed", button === chosen);
  }
};

for (const video of videos) { video.controls = false; video.addEventListener("loadedmetadata", paint); video.addEventListener("click", () => play(!on)); }
for (const button of page.querySelectorAll("[data-hear]")) { button.hidden = false; button.addEventListener("click", () => hear(button)); }
hear(page.querySelector("[data-hear]"));
bar.hidden = false;
seek.addEventListener("input", () => { to(Number(seek.value)); paint(); });
bar.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button?.dataset.do === "play") play(!on);
  if (button?.dataset.do === "loop") { loop = !loop; button.setAttribute("aria-pressed", loop); }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== " " || typing(event.target) || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  play(!on);
});
paint();
