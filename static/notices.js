// A notice on the desktop and a sound when one's own shot ends; both only for who has asked, kept in this browser.
const KEY = "notices", box = document.querySelector("#news"), user = document.body.dataset.user;
const read = () => { try { return JSON.parse(localStorage.getItem(KEY)) ?? {}; } catch { return {}; } };
const fields = () => [...document.querySelectorAll("[data-notice]")];
const say = (words) => { for (const line of document.querySelectorAll("[data-notice-words]")) line.textContent = words; };

let audio;
function ring() {
  audio ??= new AudioContext();
  for (const [number, pitch] of [660, 880].entries()) {
    const tone = audio.createOscillator(), volume = audio.createGain(), start = audio.currentTime + number * 0.14;
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.0001, start);
    volume.gain.exponentialRampToValueAtTime(0.12, start + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.3);
    tone.connect(volume).connect(audio.destination);
    tone.start(start);
    tone.stop(start + 0.32);
  }
}
function tell() {
  const words = box.querySelector(`[data-person="${user}"]`)?.textContent, wanted = read();
  if (!words) return;
  if (wanted.sound) ring();
  if (wanted.desktop && document.hidden && Notification.permission === "granted") new Notification("Tungsten", { body: words, tag: "shots" }).onclick = () => window.focus();
}
new MutationObserver(tell).observe(box, { childList: true });

// The fields say what was chosen, here or in another tab, and the stream no longer rests behind other tabs.
export function follow() {
  const wanted = read(), source = document.querySelector("[hx-sse\\:connect]"), stream = source?._htmx?.sse;
  for (const field of fields()) field.checked = Boolean(wanted[field.dataset.notice]);
  if (!(wanted.desktop || wanted.sound) || !window.htmx) return;
  htmx.config.sse = { ...htmx.config.sse, pauseOnBackground: false };
  if (!stream?.visibilityHandler) return;
  document.removeEventListener("visibilitychange", stream.visibilityHandler);
  stream.visibilityHandler = null;
  if (document.hidden && !stream.reader) htmx.ajax("GET", source.getAttribute("hx-sse:connect"), { source }); // it rests already: begin anew
}

document.addEventListener("change", async (event) => {
  const kind = event.target.dataset?.notice;
  if (!kind) return;
  if (kind === "desktop" && event.target.checked && (!("Notification" in window) || (await Notification.requestPermission()) !== "granted")) {
    event.target.checked = false;
    return say("This browser does not allow notices from here.");
  }
  const wanted = Object.fromEntries(fields().map((field) => [field.dataset.notice, field.checked]));
  localStorage.setItem(KEY, JSON.stringify(wanted));
  if (kind === "sound" && event.target.checked) ring();
  follow();
  say(wanted.desktop || wanted.sound ? "On, in every tab of the studio, behind others too." : "");
});
follow();
