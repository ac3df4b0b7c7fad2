// The stick figure of figure.py: its joints are dragged.
const svg = element.querySelector("svg");
const picture = svg.querySelector("image");
const drawing = svg.querySelector("g");
const undo = element.querySelector(".undo");
const LIMBS = JSON.parse(element.querySelector("[data-limbs]").dataset.limbs);
const NAMES = JSON.parse(element.querySelector("[data-names]").dataset.names);
const KEPT = 40; // steps that can be undone
const PAUSE = 200; // milliseconds between two pictures of one drag
let state = { size: [256, 128], points: [], picture: "" };
let steps = [];
let held = null;
let sent = 0;

function make(name, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  drawing.append(node);
  return node;
}

function draw() {
  const [height, width] = state.size;
  const unit = Math.max(height, width) / 100;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  picture.setAttribute("width", width);
  picture.setAttribute("height", height);
  if (picture.getAttribute("href") !== state.picture) picture.setAttribute("href", state.picture);
  drawing.replaceChildren();
  LIMBS.forEach(([from, to], number) => {
    const [start, end] = [state.points[from], state.points[to]];
    if (!start?.[2] || !end?.[2]) return;
    const hue = (360 * number) / LIMBS.length;
    const ends = { x1: start[0] + 0.5, y1: start[1] + 0.5, x2: end[0] + 0.5, y2: end[1] + 0.5 };
    make("line", { ...ends, stroke: `hsl(${hue} 100% 50%)`, "stroke-width": 1.6 * unit });
  });
  state.points.forEach(([x, y, seen], number) => {
    if (!seen) return;
    // A wide circle to catch with a finger, and a small one to see.
    const at = { cx: x + 0.5, cy: y + 0.5, "data-joint": number };
    make("circle", { ...at, r: 4 * unit, fill: "transparent" });
    const dot = make("circle", { ...at, r: 1.5 * unit, class: "joint" });
    const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
    title.textContent = NAMES[number];
    dot.append(title);
  });
}

function send() {
  sent = Date.now();
  props.value = JSON.stringify(state);
}

function load() {
  state = JSON.parse(props.value);
  steps = [];
  undo.disabled = true;
  draw();
}

svg.addEventListener("pointerdown", (event) => {
  const joint = event.target.dataset?.joint;
  if (joint === undefined) return;
  event.preventDefault();
  svg.setPointerCapture(event.pointerId);
  steps.push(JSON.stringify(state.points));
  if (steps.length > KEPT) steps.shift();
  undo.disabled = false;
  held = Number(joint);
  delete state.clip; // the poses of a video, which end where one is made by hand
});
svg.addEventListener("pointermove", (event) => {
  if (held === null) return;
  const [height, width] = state.size;
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  const inside = (value, most) => Math.round(10 * Math.min(Math.max(value - 0.5, 0), most - 1)) / 10;
  state.points[held] = [inside(at.x, width), inside(at.y, height), 1];
  draw();
  if (Date.now() - sent > PAUSE) send();
});
for (const end of ["pointerup", "pointercancel"]) {
  svg.addEventListener(end, () => {
    if (held !== null) send();
    held = null;
  });
}
undo.addEventListener("click", () => {
  state.points = JSON.parse(steps.pop());
  undo.disabled = steps.length === 0;
  draw();
  send();
});
watch("value", load);
load();
