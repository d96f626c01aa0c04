// The page of infer serve: a picture to a model, its answer back; how the server fares.
import { kindOf, show } from "./answer.js";
import { keyOf, showDrift, showTraffic } from "./traffic.js";

const POLL_MS = 1000;
const DRIFT_EVERY = 5; // polls
// What every server takes; other pictures that the browser can show are sent as JPEG.
const SENT_AS_THEY_ARE = ["image/jpeg", "image/png", "image/gif", "image/bmp"];
const CAMERA_QUALITY = 0.9, JPEG_QUALITY = 0.95;

const $ = (id) => document.getElementById(id);
let token = "";
let status = null; // the last that the server said
let last = null; // the picture that was sent last: {blob, image}
let asked = 0; // requests so far: answers that were overtaken are left out
let stream = null;

// ---- asking ----------------------------------------------------------------------------------

class Refused extends Error {}

function tokenWanted(code, body) {
  return code === 401 || body.type === "InvalidKeyException";
}

// JSON of an answer; what went wrong is thrown in words.
async function ask(path, options = {}) {
  const headers = { Accept: "application/json", ...options.headers };
  if (token) headers.Authorization = `Bearer ${token}`;
  let answer, text;
  try {
    answer = await fetch(path, { ...options, headers, cache: "no-store" });
    text = await answer.text();
  } catch {
    throw new Error("The server does not answer.");
  }
  let body = null;
  try {
    body = JSON.parse(text);
  } catch {
    if (answer.ok) throw new Error("The server's answer can't be read.");
  }
  if (answer.ok) return body;
  if (tokenWanted(answer.status, body || {}))
    throw new Refused(token ? "The server does not accept this token." : "The server wants a token.");
  const why = (body && (body.message || body.error)) || answer.statusText;
  throw new Error(answer.status === 503 ? `The server has too much to do: ${why}` : `The server refuses: ${why}`);
}

function trouble(text) {
  if ($("trouble").textContent !== text) $("trouble").textContent = text;
}

function failed(error) {
  if (error instanceof Refused) $("token-form").hidden = false;
  trouble(error.message);
}

// ---- models ----------------------------------------------------------------------------------

function fillSelect(select, entries) {
  const wanted = JSON.stringify(entries);
  if (select.dataset.entries === wanted) return;
  const chosen = select.value;
  select.dataset.entries = wanted;
  select.replaceChildren(...entries.map(([value, text]) => new Option(text, value)));
  if (entries.some(([value]) => value === chosen)) select.value = chosen;
}

// A model by itself, which means the version that the server chooses, and each version where it has several.
function showModels() {
  const usable = status.versions.filter((v) => v.state === "ready" && v.pictures);
  const entries = [], first = !$("charted").value;
  for (const model of new Set(usable.map((v) => v.model))) {
    const versions = usable.filter((v) => v.model === model);
    entries.push([model + "/", model]);
    if (versions.length > 1) for (const v of versions) entries.push([keyOf(v), `${model}, version ${v.version}`]);
  }
  fillSelect($("model"), entries.length ? entries : [["", "no model here takes pictures"]]);
  fillSelect($("charted"), status.versions.filter((v) => v.counts)
    .map((v) => [keyOf(v), `${v.model}, version ${v.version}`]));
  if (first) chartModel();
}

function chosenModel() {
  const value = $("model").value, slash = value.lastIndexOf("/");
  return slash < 0 ? null : { name: value.slice(0, slash), version: value.slice(slash + 1) };
}

// What is known of the version that was chosen; without one, of the newest.
function versionOf(model) {
  return status.versions.filter((v) => v.model === model.name && v.counts &&
    (!model.version || String(v.version) === model.version)).at(-1);
}

// The chart shows the model that is asked.
function chartModel() {
  const version = chosenModel() && versionOf(chosenModel());
  if (version) $("charted").value = keyOf(version);
}

// ---- pictures --------------------------------------------------------------------------------

function toJpeg(image, quality) {
  const canvas = document.createElement("canvas");
  canvas.width = image.videoWidth || image.width;
  canvas.height = image.videoHeight || image.height;
  canvas.getContext("2d").drawImage(image, 0, 0);
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));
}

function pathFor(model) {
  const query = new URLSearchParams({ top: "5", mask: "rle" });
  if ($("score").value !== "") query.set("score", $("score").value);
  const version = model.version ? `/${encodeURIComponent(model.version)}` : "";
  return `predictions/${encodeURIComponent(model.name)}${version}?${query}`;
}

async function sendPicture(blob, image) {
  const model = chosenModel(), mine = ++asked;
  if (!model || !status) throw new Error("There is no model that takes pictures.");
  if (!isLive()) $("summary").textContent = "The picture is sent …";
  const began = performance.now();
  const answer = await ask(pathFor(model), {
    method: "POST", body: blob, headers: { "Content-Type": blob.type || "application/octet-stream" },
  });
  if (mine !== asked) return;
  const ms = performance.now() - began;
  const words = show($("canvas"), $("list"), image, kindOf(answer, versionOf(model)?.task), answer);
  $("summary").textContent = `${model.name}${model.version ? ` version ${model.version}` : ""}: ${words}. ` +
    `${ms.toFixed(0)} ms with the way there and back.`;
  trouble("");
}

// A picture that the browser can't show is sent all the same: the server may know its format.
async function takePicture(blob) {
  let image = null;
  try {
    image = await createImageBitmap(blob);
  } catch {
    image = null;
  }
  if (image && !SENT_AS_THEY_ARE.includes(blob.type)) blob = await toJpeg(image, JPEG_QUALITY);
  last = { blob, image };
  $("again").disabled = false;
  await sendPicture(blob, image);
}

function begin(work) {
  work.catch((error) => {
    $("summary").textContent = "There is no answer.";
    failed(error);
  });
}

function pictureOf(files) {
  const all = [...(files || [])];
  return all.find((f) => f.type.startsWith("image/")) || all[0];
}

function onFiles(files) {
  const file = pictureOf(files);
  if (file) begin(takePicture(file));
}

// ---- camera ----------------------------------------------------------------------------------

async function cameraOn() {
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch (error) {
    const why = { NotAllowedError: "it was not allowed", NotFoundError: "there is none",
      NotReadableError: "it is in use" };
    throw new Error(`No camera: ${why[error.name] || error.message}.`);
  }
  $("video").srcObject = stream;
  $("camera-box").hidden = false;
  $("camera").disabled = true;
  $("shoot").focus();
  trouble("");
}

function cameraOff() {
  for (const track of stream ? stream.getTracks() : []) track.stop();
  stream = null;
  $("video").srcObject = null;
  setLive(false);
  $("camera-box").hidden = true;
  $("camera").disabled = false;
  $("camera").focus();
}

async function shoot() {
  if (!$("video").videoWidth) throw new Error("The camera has not begun yet.");
  await takePicture(await toJpeg($("video"), CAMERA_QUALITY));
}

const isLive = () => stream && $("live").getAttribute("aria-pressed") === "true";

// Nobody wants answers read out that change several times a second.
function setLive(on) {
  $("live").setAttribute("aria-pressed", String(on));
  $("summary").setAttribute("aria-live", on ? "off" : "polite");
}

// As fast as answers come; it ends with the first that fails.
async function live() {
  while (isLive()) {
    await shoot();
    await new Promise(requestAnimationFrame);
  }
}

function toggleLive() {
  const on = !isLive();
  setLive(on);
  if (on)
    begin(live().catch((error) => {
      setLive(false);
      throw error;
    }));
}

// ---- the server ------------------------------------------------------------------------------

function showStatus(withDrift) {
  $("name").textContent = status.name;
  document.title = status.name;
  const ready = status.versions.filter((v) => v.state === "ready").length;
  $("server").textContent = `libinfer ${status.version}, ${ready} of ${status.versions.length} versions ready`;
  showModels();
  showTraffic(status, $("versions"), $("chart"), $("charted").value);
  if (!withDrift) return;
  const any = showDrift($("drift"), status);
  $("drift-box").hidden = !any;
  $("drift-note").hidden = any;
}

let polls = 0, polling = false, lost = false;
async function poll() {
  polling = true;
  try {
    const withDrift = polls++ % DRIFT_EVERY === 0;
    status = await ask(withDrift ? "page/status?drift=1" : "page/status");
    showStatus(withDrift);
    if (lost) trouble("");
    lost = false;
  } catch (error) {
    lost = true;
    failed(error);
    polling = !(error instanceof Refused); // else it waits for a token
  }
  if (polling) setTimeout(pollWhenSeen, POLL_MS);
}

// Nobody looks at a hidden page: it asks again when it is seen.
function pollWhenSeen() {
  if (document.hidden) document.addEventListener("visibilitychange", pollWhenSeen, { once: true });
  else poll();
}

// ---- what a person does ----------------------------------------------------------------------

$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  $("token-form").hidden = true;
  polls = 0;
  trouble("");
  if (!polling) poll();
});
$("file").addEventListener("click", () => ($("file").value = "")); // the same one may be chosen again
$("file").addEventListener("change", () => onFiles($("file").files));
$("again").addEventListener("click", () => last && begin(sendPicture(last.blob, last.image)));
$("model").addEventListener("change", chartModel);
for (const id of ["model", "score"])
  $(id).addEventListener("change", () => last && begin(sendPicture(last.blob, last.image)));
for (const name of ["dragenter", "dragover"])
  document.addEventListener(name, (event) => {
    event.preventDefault();
    $("drop").classList.add("over");
  });
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) $("drop").classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  $("drop").classList.remove("over");
  onFiles(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) onFiles(event.clipboardData.files);
});
$("camera").addEventListener("click", () => begin(cameraOn()));
$("stop").addEventListener("click", cameraOff);
$("shoot").addEventListener("click", () => begin(shoot()));
$("live").addEventListener("click", toggleLive);
if (!navigator.mediaDevices) {
  $("camera").hidden = true;
  $("camera-note").hidden = false;
}
pollWhenSeen();
