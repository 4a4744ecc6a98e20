// What is typed is judged by the server's engine, on this machine, and shown. One question at a time.

import { difference } from "./difference.js";
import { html } from "./dom.js";
import { Editor } from "./editor.js";
import { explain } from "./explanation.js";
import { read } from "./files.js";
import { list, verdict } from "./findings.js";
import { plans } from "./picture.js";
import { Tabs } from "./tabs.js";

const PATIENCE = 250; // milliseconds after a key until what is typed is judged

const find = (id) => document.getElementById(id);
const panels = { findings: find("findings"), stored: find("stored"), plan: find("plan") };
let about = { rules: {}, largest: 7 * 2 ** 20 };
let answer = null;
let timer = 0;
let asking = false;
let again = false;

const editor = new Editor(find("editor"), () => {
  find("examples").value = ""; // what is typed is no example any more, and each can be chosen again
  soon();
});
const old = new Editor(find("old-editor"), soon);
const update = find("update"); // closed, what is in there does not count
new Tabs(document.querySelector("[role=tablist]"), draw);

function soon() {
  clearTimeout(timer);
  timer = setTimeout(judge, PATIENCE);
}

/** Ask, and once more if something was typed meanwhile: so no answer can come too late. */
async function judge() {
  clearTimeout(timer);
  again = asking;
  if (asking) return;
  asking = true;
  document.documentElement.classList.add("asking");
  try {
    do {
      again = false;
      await ask();
    } while (again);
  } finally {
    asking = false;
    document.documentElement.classList.remove("asking");
  }
}

async function ask() {
  const body = JSON.stringify({ text: editor.text, old: update.open ? old.text : "" });
  if (body.length > about.largest) {
    say("error", `The text is larger than ${about.largest >> 20} MiB: stash-admission check takes larger ones`);
    return;
  }
  try {
    const response = await fetch("api/judge", { method: "POST", headers: { "content-type": "application/json" }, body });
    const said = await response.json();
    if (response.ok) show(said);
    else say("error", said.message);
  } catch {
    say("error", "No answer: start stash-admission playground again, and type on");
  }
}

function show(said) {
  answer = said;
  const { level, text } = verdict(answer);
  say(level, text);
  const faults = (where) => answer.unreadable.filter((each) => each.where === where).map((each) => ({ ...each, level: "error" }));
  editor.mark([...answer.findings, ...faults("text")]);
  old.mark(faults("old"));
  panels.findings.replaceChildren(...list(answer, go, open));
  panels.stored.replaceChildren(...difference(answer, accept));
  draw();
  const added = answer.diff.filter((line) => line.startsWith("+")).length;
  const removed = answer.diff.filter((line) => line.startsWith("-")).length;
  const waves = answer.plans.reduce((count, plan) => count + plan.waves.length, 0);
  label("findings-tab", "Findings", answer.findings.length + answer.unreadable.length || "");
  label("stored-tab", "What is stored", added || removed ? `+${added} −${removed}` : "");
  const plural = answer.plans.length > 1 ? `${answer.plans.length} objects` : waves > 1 ? `${waves} waves` : "";
  label("plan-tab", "Plan", plural);
}

function label(id, name, more) {
  find(id).replaceChildren(name, ...(more === "" ? [] : [" ", html("span", { class: "more" }, String(more))]));
}

/** Tell it in the live region; what is there already is not told again. */
function say(level, text) {
  const status = find("status");
  status.className = level;
  if (status.textContent !== text) status.textContent = text;
}

/** The plans are drawn to the width that there is, and only while they are seen. */
function draw() {
  if (!answer || panels.plan.hidden) return;
  const open = [...panels.plan.querySelectorAll("details")].map((each) => each.open);
  const { paddingLeft, paddingRight } = getComputedStyle(panels.plan);
  const width = panels.plan.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
  panels.plan.replaceChildren(...plans(answer, Math.max(Math.floor(width), 200)));
  [...panels.plan.querySelectorAll("details")].forEach((each, number) => (each.open = open[number] ?? false));
}

function go(place, stored) {
  (stored ? old : editor).show(place);
}

function open(rule) {
  explain(find("rule"), rule, about.rules[rule]);
}

function accept() {
  editor.text = answer.written;
  find("stored-tab").focus();
  judge();
}

async function take(target, file) {
  try {
    target.text = await read(file, about.largest);
    say("", `${file.name} is opened`);
    judge();
  } catch (error) {
    say("error", error.message);
  }
}

function droppable(target) {
  const { root } = target;
  const inside = (on) => root.classList.toggle("dropping", on);
  root.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    inside(true);
  });
  root.addEventListener("dragleave", () => inside(false));
  root.addEventListener("drop", (event) => {
    inside(false);
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    take(target, event.dataTransfer.files[0]);
  });
}

function choose(event) {
  const chosen = event.target.value;
  const example = about.examples[chosen];
  if (!example) return;
  editor.text = example.text;
  update.open = example.old !== "";
  old.text = example.old;
  event.target.value = chosen;
  judge();
}

async function begin() {
  droppable(editor);
  droppable(old);
  update.addEventListener("toggle", judge);
  find("examples").addEventListener("change", choose);
  find("file").addEventListener("change", (event) => {
    if (event.target.files.length) take(editor, event.target.files[0]);
    event.target.value = "";
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      judge();
    }
  });
  let width = 0;
  new ResizeObserver(([entry]) => {
    if (Math.round(entry.contentRect.width) !== width) draw();
    width = Math.round(entry.contentRect.width);
  }).observe(find("answer"));
  try {
    about = await (await fetch("api/about")).json();
  } catch {
    say("error", "No answer: start stash-admission playground again, and load this page anew");
    return;
  }
  find("examples").append(...about.examples.map((each, number) => html("option", { value: String(number) }, each.title)));
  if (about.unchecked.length) {
    const footer = find("footer");
    footer.textContent = `Not checked, since they ask about the cluster: ${about.unchecked.join(", ")}. Start it with --inventory DIR for them.`;
    footer.hidden = false;
  }
  await judge();
}

begin();
