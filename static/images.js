// Reference images: dropped, pasted or browsed, uploaded with their progress, into the first slot that is free.
// Without this file an image is chosen in its slot and travels with the form.
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const form = $("#composer");
const say = (words) => { $("#status").textContent = words; };
const FULL = "Every image slot is full. Remove one first.", NONE = "This model takes no images. Choose one that does.";
const slots = () => $$("[data-slot]", form);
const free = () => slots().find((slot) => slot.matches("label") && !slot.dataset.uploading);
const pictures = (transfer) => [...(transfer?.files ?? [])].filter((file) => file.type.startsWith("image/"));

function tell(slot, title, words, share) {
  const text = $("span", slot);
  text.replaceChildren(Object.assign(document.createElement("b"), { textContent: title }), document.createElement("br"), words);
  if (share === undefined) return;
  const bar = $("progress", slot) ?? slot.appendChild(Object.assign(document.createElement("progress"), { className: "fil", max: 100 }));
  bar.value = share;
  bar.setAttribute("aria-label", `Uploading ${title}`);
}
// fetch has no upload progress
function upload(slot, file) {
  if (slot.matches(".drop--full")) slot = emptied(slot);
  const { slot: name, role } = slot.dataset, body = new FormData(), request = new XMLHttpRequest();
  const here = () => { // the fields may be drawn anew meanwhile, and the image is on its way to its slot all the same
    const drawn = slot.isConnected ? null : $(`label[data-slot="${name}"]`, form);
    if (drawn) begin(slot = drawn);
    return slot;
  };
  const fields = { model: form.elements.model.value, slot: name, csrfmiddlewaretoken: form.elements.csrfmiddlewaretoken.value, file };
  for (const [key, value] of Object.entries(fields)) body.append(key, value);
  slot.closest("details:not([open])")?.setAttribute("open", "");
  begin(slot);
  tell(slot, file.name, "Uploading 0%", 0);
  request.upload.onprogress = ({ loaded, total }) => tell(here(), file.name, `Uploading ${Math.round((100 * loaded) / total)}%`, (100 * loaded) / total);
  request.onload = () => {
    const kept = request.status === 200, tile = [200, 422, 507].includes(request.status) && new DOMParser().parseFromString(request.responseText, "text/html").body.firstElementChild;
    if (!tile?.dataset?.slot) return request.onerror();
    if (!here().isConnected) return say(`${file.name} was not kept: its place is gone. Add it again.`);
    slot.replaceWith(tile);
    htmx.process(tile);
    say(kept ? `${file.name} is the ${role.toLowerCase()}.` : $(".err", tile).textContent.trim());
    form.dispatchEvent(new Event("change")); // another control may be off now, and the draft has an image more
  };
  request.onerror = () => {
    delete slot.dataset.uploading;
    slot.removeAttribute("hx-morph-skip");
    $("progress", slot)?.remove();
    if ($("input[type=file]", slot)) $("input[type=file]", slot).value = "";
    slot.classList.add("is-wrong");
    tell(slot, role, "The upload did not get through. Choose the image again.");
    say(`${file.name} could not be uploaded.`);
  };
  request.open("POST", "/uploads/");
  request.setRequestHeader("X-Team", form.dataset.team);
  request.send(body);
}
function begin(slot) {
  slot.dataset.uploading = "1";
  slot.setAttribute("hx-morph-skip", ""); // the row beside the button may redraw the field meanwhile
}
function emptied(slot) {
  const label = document.createElement("label");
  label.className = "drop";
  Object.assign(label.dataset, slot.dataset);
  label.append(document.createElement("span"));
  slot.replaceWith(label);
  return label;
}
// The first goes where it was dropped, the others into what is free.
function take(files, target) {
  let left = 0;
  for (const [number, file] of files.entries()) {
    const slot = (number === 0 && target) || free();
    slot ? upload(slot, file) : left++;
  }
  if (left) say(!slots().length ? NONE : left === files.length ? FULL : `${left} of ${files.length} images found no slot.`);
}

form.addEventListener("change", (event) => {
  const slot = event.target.closest("[data-slot]");
  if (slot && event.target.type === "file" && event.target.files.length) upload(slot, event.target.files[0]);
});
const over = (slot) => slots().forEach((one) => one.classList.toggle("is-over", one === slot));
const slotAt = (event) => event.target.closest?.("[data-slot]");
document.addEventListener("dragover", (event) => {
  if (!event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  over(slotAt(event) ?? free());
});
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) over(null); });
document.addEventListener("drop", (event) => {
  if (!event.dataTransfer.files.length) return;
  event.preventDefault();
  over(null);
  const found = pictures(event.dataTransfer);
  take(found.length ? found : [...event.dataTransfer.files], slotAt(event));
});
document.addEventListener("paste", (event) => {
  const found = pictures(event.clipboardData);
  if (!found.length || $("dialog[open]")) return;
  event.preventDefault();
  take(found);
});
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-attach]")) return;
  event.preventDefault();
  const slot = free();
  slot?.closest("details")?.setAttribute("open", "");
  slot ? $("input", slot).click() : say(slots().length ? FULL : NONE);
});
