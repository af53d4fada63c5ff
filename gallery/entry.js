// An entry's page: the static picture, or in its place the viewer, which is loaded when it is first
// asked for. One viewer.html serves all entries; this page gives it the graph.
const picture = document.querySelector("#picture");
const explorer = document.querySelector("#explorer");
const said = document.querySelector("#said");
const full = document.querySelector("#full");
const buttons = [...document.querySelectorAll(".choice [data-shows]")];
let frame = null;

function show(what) {
  const exploring = what === "explorer";
  picture.hidden = exploring;
  explorer.hidden = !exploring;
  full.hidden = !exploring || !document.fullscreenEnabled;
  for (const button of buttons) button.ariaPressed = String(button.dataset.shows === what);
  if (exploring && !frame) start();
}

function start() {
  frame = document.createElement("iframe");
  frame.title = "The graph, to explore";
  frame.allow = "fullscreen";
  frame.src = "../viewer.html";
  addEventListener("message", answer);
  explorer.append(frame);
}

// A file is an origin of its own to a browser, so the frame is known by its window alone.
function answer(event) {
  if (event.source !== frame.contentWindow) return;
  const { gva, reason } = event.data ?? {};
  if (gva === "waiting") {
    const graph = document.querySelector("#graph").textContent;
    const { title, saved } = explorer.dataset;
    const message = { gva: "show", graph, title, saved: saved === "true" };
    event.source.postMessage(message, "*");
  } else if (gva === "ready") {
    said.hidden = true;
  } else if (gva === "failed") {
    said.textContent = `The graph could not be shown: ${reason}`;
  }
}

for (const button of buttons) button.addEventListener("click", () => show(button.dataset.shows));
full.addEventListener("click", () => frame.requestFullscreen().then(() => frame.focus()));
document.querySelector(".choice").hidden = false;
show("picture");
