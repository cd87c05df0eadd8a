// <studio-player>: a film strip to seek in, frame steps, loop and speed around a real <video controls>.
// Light DOM: the markup comes from the server, hidden; without this file the browser's own controls stay.
const SPEEDS = [1, 1.5, 2, 0.25, 0.5];
const SHUTTLE = { j: "back", k: "pause", l: "on" }; // with the focus in the player, as in an editing room
const KEYS = { " ": "play", ",": "frame-back", ".": "frame-on", m: "mute", l: "loop", f: "full", p: "frame" };
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
const typing = (target) => target.matches?.("input:not([type=range]), textarea, select, [contenteditable]");

class StudioPlayer extends HTMLElement {
  connectedCallback() {
    if (this.video) return;
    this.video = this.querySelector("video");
    this.seek = this.querySelector(".seek");
    this.querySelector(".player__ui").hidden = false;
    this.volume = this.querySelector(".vol");
    this.recall();
    this.volume?.addEventListener("input", () => { this.video.volume = Number(this.volume.value); this.video.muted = !this.video.volume; });
    this.video.addEventListener("volumechange", () => this.remember());
    this.video.controls = false;
    this.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) this.do(button.dataset.do);
      else if (event.target === this.video) { this.focus({ preventScroll: true }); this.do("play"); }
    });
    this.seek.addEventListener("input", () => { this.video.currentTime = Number(this.seek.value); this.paint(); });
    for (const name of ["play", "pause", "volumechange", "ratechange", "timeupdate", "seeked", "loadedmetadata", "ended"]) this.video.addEventListener(name, () => this.paint());
    this.video.addEventListener("play", () => this.follow());
    this.video.addEventListener("error", () => { this.video.controls = true; });
    this.keys = (event) => this.key(event);
    document.addEventListener("keydown", this.keys, true);
    this.paint();
  }

  disconnectedCallback() { document.removeEventListener("keydown", this.keys, true); }

  key(event) {
    const key = event.key.toLowerCase(), inside = this.contains(event.target);
    const verb = inside && !event.shiftKey && SHUTTLE[key] ? SHUTTLE[key] : KEYS[key];
    if (!verb || (!inside && document.documentElement.dataset.keys === "off") || typing(event.target) || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === " " && event.target.closest("button, a, summary, [popover]")) return; // Space presses what has the focus
    event.preventDefault();
    if (inside && SHUTTLE[key]) event.stopImmediatePropagation(); // J and K are not "the other shot" in here
    if (verb === "frame") this.querySelector("[data-do=frame]").click();
    else this.do(verb);
  }

  // volume and mute are remembered for every shot
  recall() {
    try {
      const { volume = 1, muted = false } = JSON.parse(localStorage.getItem("volume")) ?? {};
      Object.assign(this.video, { volume: Math.min(1, Math.max(0, volume)), muted });
    } catch { /* a browser that keeps nothing */ }
  }

  remember() {
    try { localStorage.setItem("volume", JSON.stringify({ volume: this.video.volume, muted: this.video.muted })); } catch { /* as above */ }
  }

  do(verb) {
    const { video } = this;
    const frame = 1 / (Number(this.dataset.fps) || 24);
    const verbs = {
      play: () => (video.paused ? video.play().catch(() => { video.controls = true; }) : video.pause()),
      "frame-back": () => this.step(-frame),
      "frame-on": () => this.step(frame),
      mute: () => { video.muted = !video.muted; if (!video.muted && !video.volume) video.volume = 1; },
      back: () => this.shuttle(-1),
      pause: () => { video.pause(); video.playbackRate = 1; },
      on: () => this.shuttle(1),
      frame: () => { const link = this.querySelector("[data-do=frame]"); link.search = `at=${video.currentTime.toFixed(3)}`; },
      loop: () => { video.loop = !video.loop; },
      speed: () => { video.playbackRate = SPEEDS[(SPEEDS.indexOf(video.playbackRate) + 1) % SPEEDS.length]; },
      full: () => (document.fullscreenElement ? document.exitFullscreen() : this.requestFullscreen?.().catch(() => {}) ?? video.webkitEnterFullscreen?.()),
    };
    verbs[verb]();
    this.paint();
  }

  step(by) {
    this.video.pause();
    this.video.currentTime = Math.min(Math.max(0, this.video.currentTime + by), this.video.duration || 0);
  }

  // L plays, then faster; J goes back a second at a time, because browsers do not play backwards
  shuttle(way) {
    const { video } = this;
    if (way < 0) { video.playbackRate = 1; return this.step(-1); }
    if (video.paused) { video.playbackRate = 1; video.play().catch(() => {}); }
    else video.playbackRate = Math.min(4, video.playbackRate * 2);
  }

  // while it plays the handle moves with every frame that is drawn
  follow() {
    this.paint();
    if (!this.video.paused && this.isConnected) requestAnimationFrame(() => this.follow());
  }

  paint() {
    const { video, seek } = this;
    const total = video.duration || Number(seek.max), now = video.currentTime;
    if (Number.isFinite(total) && total > 0) seek.max = total;
    seek.value = now;
    seek.style.setProperty("--p", `${total ? (now / total) * 100 : 0}%`);
    seek.setAttribute("aria-valuetext", `${now.toFixed(1)} of ${total.toFixed(1)} seconds`);
    this.querySelector("[data-now]").textContent = clock(now);
    this.classList.toggle("is-playing", !video.paused);
    this.set("play", { label: video.paused ? "Play" : "Pause" });
    this.set("mute", { label: "Mute", pressed: video.muted });
    if (this.volume) {
      this.volume.value = video.muted ? 0 : video.volume;
      this.volume.style.setProperty("--p", `${this.volume.value * 100}%`);
    }
    this.set("loop", { label: "Loop", pressed: video.loop });
    this.set("speed", { label: `Speed, ${video.playbackRate} times`, text: `${video.playbackRate}×` });
    const shown = { paused: video.paused, playing: !video.paused, loud: !video.muted, muted: video.muted };
    for (const part of this.querySelectorAll("[data-when]")) part.hidden = !shown[part.dataset.when];
  }

  set(verb, { label, pressed, text }) {
    const button = this.querySelector(`[data-do="${verb}"]`);
    if (!button) return;
    if (button.getAttribute("aria-label") !== label) button.setAttribute("aria-label", label);
    if (pressed !== undefined) button.setAttribute("aria-pressed", pressed);
    if (text && button.textContent !== text) button.textContent = text;
  }
}
customElements.define("studio-player", StudioPlayer);
