"use strict";
// Shows and hides what is on the page; the texts and numbers are all there from the beginning.
const $ = (id) => document.getElementById(id);
const steps = [...document.querySelectorAll("article")];
const buttons = [...document.querySelectorAll("#list button")];
const svg = document.querySelector("#picture > svg");
const node = (id) => svg.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const words = (text) => text.split(" ").filter(Boolean);
const touched = steps.map((step) => ({
  kind: step.dataset.kind,
  items: words(step.dataset.items).map(node).filter(Boolean),
  edges: words(step.dataset.edges).map(node).filter(Boolean),
}));
const visits = new Map();  // element of a node: the steps that are about it
touched.forEach(({ items }, k) => items.forEach((item) => visits.set(item, [...(visits.get(item) || []), k])));
let at = -1;
let timer = 0;

function goto(k, scroll = true) {
  k = Math.max(0, Math.min(steps.length - 1, k));
  if (k === at) return;
  if (at >= 0) {
    steps[at].hidden = true;
    buttons[at].removeAttribute("aria-current");
    for (const part of [...touched[at].items, ...touched[at].edges]) part.classList.remove("now", "backward");
  }
  mark(svg, k, at, touched);
  at = k;
  const { kind, items, edges } = touched[k];
  steps[k].hidden = false;
  $("text").scrollTop = 0;
  buttons[k].setAttribute("aria-current", "step");
  for (const part of [...items, ...edges]) {
    part.classList.add("now");
    part.classList.toggle("backward", kind === "backward" || kind === "sum");
  }
  $("slider").value = k;
  $("count").textContent = `${k + 1} / ${steps.length}`;
  $("first").disabled = $("back").disabled = k === 0;
  $("last").disabled = $("next").disabled = k === steps.length - 1;
  if (scroll) {
    into($("picture"), items[0]);
    const list = $("list").parentElement;
    if (list.scrollHeight > list.clientHeight) into(list, buttons[k]);
  }
  if (k === steps.length - 1) stop();
}

// Numbers stay on the picture once their step has come: values from forward steps, cotangents from backward ones.
function mark(root, k, from, steps) {
  const shown = (step, on) => {
    const name = step.kind === "given" || step.kind === "forward" ? "seen" : step.kind === "update" ? "" : "met";
    if (name) for (const item of step.items) item.classList.toggle(name, on);
  };
  for (let i = from + 1; i <= k; i++) shown(steps[i], true);
  for (let i = from; i > k; i--) shown(steps[i], false);
  for (let i = from; i > k; i--) // an item may have been met in an earlier step too
    for (const item of steps[i].items) for (const j of visits.get(item) || []) if (j <= k) shown({ kind: steps[j].kind, items: [item] }, true);
  if (root === svg) leaves(k);
}

// A leaf has no backward step of its own: its cotangent is there when the last of its users has been passed.
const into_ = new Map();
touched.forEach(({ kind, edges }, k) => {
  if (kind === "backward") for (const edge of edges) {
    const source = edge.querySelector("title").textContent.split("->")[0];
    into_.set(source, k);
  }
});
const ends = [...into_].map(([id, k]) => [node(id), k]).filter(([item]) =>
  item && !(visits.get(item) || []).some((k) => touched[k].kind === "backward"));
function leaves(k) {
  for (const [item, when] of ends) item.classList.toggle("met", when <= k);
}

function into(box, part) {
  if (!part) return;
  const a = box.getBoundingClientRect(), b = part.getBoundingClientRect();
  if (b.top >= a.top && b.bottom <= a.bottom && b.left >= a.left && b.right <= a.right) return;
  box.scrollBy({
    left: b.left + b.width / 2 - a.left - a.width / 2,
    top: b.top + b.height / 2 - a.top - a.height / 2,
    behavior: still.matches ? "auto" : "smooth",
  });
}

function play() {
  if (at === steps.length - 1) goto(0);
  $("play").textContent = "Pause";
  $("play").setAttribute("aria-label", "pause");
  timer = setInterval(() => goto(at + 1), Number($("speed").value));
}
function stop() {
  clearInterval(timer);
  timer = 0;
  $("play").textContent = "Play";
  $("play").setAttribute("aria-label", "play");
}
const toggle = () => (timer ? stop() : play());
const by_hand = (k) => { stop(); goto(k); };

$("first").onclick = () => by_hand(0);
$("back").onclick = () => by_hand(at - 1);
$("next").onclick = () => by_hand(at + 1);
$("last").onclick = () => by_hand(steps.length - 1);
$("play").onclick = toggle;
$("speed").onchange = () => { if (timer) { stop(); play(); } };
$("slider").max = steps.length - 1;
$("slider").oninput = (event) => by_hand(Number(event.target.value));
$("list").onclick = (event) => { const k = buttons.indexOf(event.target); if (k >= 0) by_hand(k); };

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const tag = event.target.tagName;
  if (tag === "SELECT" || tag === "INPUT") return;
  const keys = {
    ArrowRight: () => by_hand(at + 1), ArrowDown: () => by_hand(at + 1),
    ArrowLeft: () => by_hand(at - 1), ArrowUp: () => by_hand(at - 1),
    Home: () => by_hand(0), End: () => by_hand(steps.length - 1),
  };
  if (event.key === " " && tag !== "BUTTON" && !event.target.closest?.(".node")) keys[" "] = toggle;
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
});

// A click on a node goes to the first step about it, a further click to the next.
for (const item of svg.querySelectorAll(".node")) {
  const about = visits.get(item);
  if (!about) continue;
  item.setAttribute("role", "button");
  item.setAttribute("tabindex", "0");
  item.setAttribute("aria-label", [...item.querySelectorAll("text")].slice(0, 2).map((t) => t.textContent).join(" "));
  const jump = () => by_hand(about.find((k) => k > at && about.includes(at)) ?? about.find((k) => touched[k].kind !== "given") ?? about[0]);
  item.addEventListener("click", (event) => { event.preventDefault(); jump(); });
  item.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); event.stopPropagation(); jump(); } });
}

// -- size
const width = svg.viewBox.baseVal.width * 4 / 3, height = svg.viewBox.baseVal.height * 4 / 3;
let scale = 1;
function size(s) {
  scale = Math.max(0.1, Math.min(4, s));
  svg.setAttribute("width", width * scale);
  svg.setAttribute("height", height * scale);
}
const fitting = () => {
  const box = $("picture");
  return Math.min((box.clientWidth - 24) / width, innerWidth > 760 ? (box.clientHeight - 60) / height : 9, innerWidth > 2400 ? 2 : 1.2);
};
$("fit").onclick = () => size(fitting());
$("smaller").onclick = () => size(scale / 1.25);
$("larger").onclick = () => size(scale * 1.25);
size(Math.max(0.55, fitting()));

// -- print: the picture as it is at each step, above the step
addEventListener("beforeprint", () => {
  if (steps.length * svg.querySelectorAll("*").length > 200000) return;
  const here = at;
  steps.forEach((step, k) => {
    goto(k, false);
    const copy = svg.cloneNode(true);
    copy.setAttribute("aria-hidden", "true");
    for (const part of copy.querySelectorAll("[id]")) part.removeAttribute("id");
    step.prepend(copy);
  });
  goto(here, false);
});
addEventListener("afterprint", () => { for (const step of steps) step.querySelector(":scope > svg")?.remove(); });

goto(0);
