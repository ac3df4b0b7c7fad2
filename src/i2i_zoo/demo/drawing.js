// The canvas of drawing.py: a brush without soft edges, so that every pixel is one of the colours.
const canvas = element.querySelector("canvas");
const context = canvas.getContext("2d", { willReadFrequently: true });
const size = element.querySelector(".brush-size");
const buttons = [...element.querySelectorAll("[data-colour]")];
const undo = element.querySelector(".undo");
const fill = element.querySelector(".fill");
const KEPT = 20; // steps that can be undone
const PAUSE = 200; // milliseconds between two pictures of one stroke
let colour = buttons[0].dataset.colour;
let steps = [];
let last = null;
let sent = 0;

function load(url) {
  const picture = new Image();
  picture.onload = () => {
    canvas.width = picture.naturalWidth;
    canvas.height = picture.naturalHeight;
    canvas.style.width = `min(100%, calc(var(--tallest) * ${canvas.width / canvas.height}))`;
    context.drawImage(picture, 0, 0);
    steps = [];
    undo.disabled = true;
  };
  picture.src = url;
}

function send() {
  sent = Date.now();
  props.value = canvas.toDataURL("image/png");
}

function keep() {
  steps.push(context.getImageData(0, 0, canvas.width, canvas.height));
  if (steps.length > KEPT) steps.shift();
  undo.disabled = false;
}

function place(event) {
  const box = canvas.getBoundingClientRect();
  return {
    x: Math.floor(((event.clientX - box.left) * canvas.width) / box.width),
    y: Math.floor(((event.clientY - box.top) * canvas.height) / box.height),
  };
}

function dab(x, y) {
  const radius = Math.max(0.5, size.value / 2);
  context.fillStyle = colour;
  for (let row = -Math.floor(radius); row <= radius; row++) {
    const half = Math.floor(Math.sqrt(radius * radius - row * row));
    context.fillRect(x - half, y + row, 2 * half + 1, 1);
  }
}

function stroke(from, to) {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const count = Math.max(1, Math.ceil((4 * length) / Math.max(4, size.value)));
  for (let step = 0; step <= count; step++) {
    const share = step / count;
    dab(Math.round(from.x + share * (to.x - from.x)), Math.round(from.y + share * (to.y - from.y)));
  }
}

function flood(at) {
  const picture = context.getImageData(0, 0, canvas.width, canvas.height);
  const pixels = new Uint32Array(picture.data.buffer);
  context.fillStyle = colour;
  context.fillRect(at.x, at.y, 1, 1);
  const wanted = new Uint32Array(context.getImageData(at.x, at.y, 1, 1).data.buffer)[0];
  const found = pixels[at.y * canvas.width + at.x];
  const open = wanted === found ? [] : [at.y * canvas.width + at.x];
  while (open.length) {
    const here = open.pop();
    if (pixels[here] !== found) continue;
    pixels[here] = wanted;
    const column = here % canvas.width;
    if (column > 0) open.push(here - 1);
    if (column < canvas.width - 1) open.push(here + 1);
    if (here >= canvas.width) open.push(here - canvas.width);
    if (here + canvas.width < pixels.length) open.push(here + canvas.width);
  }
  context.putImageData(picture, 0, 0);
}

canvas.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  event.preventDefault();
  canvas.setPointerCapture(event.pointerId);
  keep();
  last = place(event);
  if (fill.getAttribute("aria-pressed") === "true") {
    flood(last);
    last = null;
    send();
  } else {
    stroke(last, last);
  }
});
canvas.addEventListener("pointermove", (event) => {
  if (!last) return;
  for (const part of event.getCoalescedEvents?.() ?? [event]) {
    const now = place(part);
    stroke(last, now);
    last = now;
  }
  if (Date.now() - sent > PAUSE) send();
});
for (const end of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(end, () => {
    if (last) send();
    last = null;
  });
}
for (const button of buttons) {
  button.addEventListener("click", () => {
    colour = button.dataset.colour;
    for (const other of buttons) other.setAttribute("aria-pressed", other === button);
  });
}
fill.addEventListener("click", () => {
  fill.setAttribute("aria-pressed", fill.getAttribute("aria-pressed") !== "true");
});
undo.addEventListener("click", () => {
  context.putImageData(steps.pop(), 0, 0);
  undo.disabled = steps.length === 0;
  send();
});
watch("value", () => load(props.value));
load(props.value);
