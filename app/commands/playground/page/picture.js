// A plan as a picture: waves from left to right, in each the members with their hosts, and what is restored for them.

import { counted, html, svg } from "./dom.js";

const WAVE = 172; // what a wave takes at least, in pixels; more waves than fit go into the next row
const GAP = 28;
const MARGIN = 8; // between a wave's frame and its members
const PAD = 10; // between a member's frame and what it says
const LINE = 18; // of text
const TITLE = 26; // the name of a wave
const MEASURE = document.createElement("canvas").getContext("2d");

/** The panel: each object with its picture, and the same as a table. `width` is what there is, in pixels. */
export function plans(answer, width) {
  if (!answer.plans.length) return [html("p", { class: "empty" }, "There is no object to plan yet.")];
  return answer.plans.map((plan, number) => {
    const batch = plan.kind.endsWith("Batch");
    const repository = plan.repository ? `repository ${plan.repository}` : "no repository";
    const facts = [repository, ...(batch ? [plan.order] : []), counted(plan.waves.length, "wave")].join(" · ");
    return html("section", { class: "plan", "aria-labelledby": `plan-${number}` },
      html("h3", { id: `plan-${number}` }, heading(plan)),
      html("p", { class: "facts" }, facts),
      plan.refused ? html("p", { class: "note" }, "The server refuses this object, so none of it will happen as it stands.") : null,
      picture(plan, number, batch, width),
      html("details", {}, html("summary", {}, "The same as a table"), table(plan, batch)),
    );
  });
}

function heading(plan) {
  return `${plan.kind} ${[plan.namespace, plan.name].filter(Boolean).join("/")}`;
}

function hosts(step) {
  return step.host ?? "none in restic";
}

function member(step, batch) {
  return batch ? `${step.target}, members[${step.member}]` : step.target;
}

function table(plan, batch) {
  const restore = plan.kind.startsWith("Restore");
  const names = ["Wave", "Member", "Alias", "Host", ...(restore ? ["Restored"] : [])];
  const rows = plan.waves.flatMap((wave, number) => wave.map((step) => html("tr", {},
    html("td", {}, String(number + 1)),
    html("th", { scope: "row" }, member(step, batch)),
    html("td", {}, step.alias ?? "none"),
    html("td", {}, hosts(step)),
    restore ? html("td", {}, ...step.rules.map((rule) => html("div", {}, rule.said))) : null,
  )));
  return html("div", { class: "wide" }, html("table", {},
    html("caption", { class: "unseen" }, `Plan of ${heading(plan)}`),
    html("thead", {}, html("tr", {}, ...names.map((name) => html("th", { scope: "col" }, name)))),
    html("tbody", {}, ...rows),
  ));
}

function picture(plan, number, batch, width) {
  const fonts = fontsOf(document.body);
  const fitting = Math.max(Math.floor((width + GAP) / (WAVE + GAP)), 1);
  const columns = Math.min(fitting, plan.waves.length);
  const across = Math.min(Math.floor((width - GAP * (columns - 1)) / columns), 340);
  const drawn = [];
  let top = 1;
  let bottom = 0;
  for (let start = 0; start < plan.waves.length; start += columns) {
    const row = plan.waves.slice(start, start + columns);
    const groups = row.map((wave, index) => group(wave, start + index, batch, index * (across + GAP), top, across, fonts));
    const height = Math.max(...groups.map((each) => each.height));
    groups.forEach(({ element, left, frame }, index) => {
      frame.setAttribute("height", height);
      drawn.push(element);
      if (index) drawn.push(arrow(left - GAP + 5, top + TITLE / 2, left - 4, top + TITLE / 2));
      else if (start) drawn.push(arrow(across / 2, top - GAP + 5, across / 2, top - 4));
    });
    bottom = top + height + 1;
    top += height + GAP;
  }
  const names = [`picture-${number}-title`, `picture-${number}-desc`];
  return svg("svg", { class: "picture", role: "img", "aria-labelledby": names.join(" "), width: columns * (across + GAP) - GAP + 1, height: bottom },
    svg("title", { id: names[0] }, `Plan of ${heading(plan)}: ${counted(plan.waves.length, "wave")}`),
    svg("desc", { id: names[1] }, described(plan, batch)),
    ...drawn,
  );
}

function described(plan, batch) {
  const said = (step) => [`${member(step, batch)}, host ${hosts(step)}`, ...step.rules.map((rule) => rule.said)].join("; ");
  return plan.waves.map((wave, number) => `Wave ${number + 1}: ${wave.map(said).join(". ")}.`).join(" ");
}

/** A wave: its name, a frame, and a box for each member. */
function group(wave, number, batch, left, top, width, fonts) {
  const frame = svg("rect", { class: "frame", x: left + 1, y: top, width: width - 1, rx: 8 });
  const element = svg("g", { class: "wave" }, frame, text(left + MARGIN + 2, top + 18, `wave ${number + 1}`, "name"));
  let y = top + TITLE;
  for (const step of wave) {
    const inner = box(step, batch, left + MARGIN, y, width - 2 * MARGIN, fonts);
    element.append(inner.element);
    y += inner.height + MARGIN;
  }
  return { element, frame, left, height: y - top };
}

/** A member: target, alias, host, and for a restore a line for each host. */
function box(step, batch, left, top, width, fonts) {
  const element = svg("g", { class: "member" });
  const room = width - 2 * PAD;
  const lines = [];
  let y = top + PAD + 11;
  const put = (string, kind, font, indent = 0) => {
    for (const line of wrapped(string, room - indent, font)) {
      lines.push(text(left + PAD + indent, y, line, kind));
      y += LINE;
    }
  };
  put(step.target, "target", fonts.bold);
  for (const [label, value] of [["alias", step.alias ?? "none"], ["host", hosts(step)]]) {
    lines.push(text(left + PAD, y, label, "label"));
    put(value, value === step.alias || value === step.host ? "value" : "label", fonts.code, 36);
  }
  if (batch) put(`members[${step.member}]`, "label", fonts.plain);
  if (step.rules.length) {
    lines.push(svg("line", { class: "rule", x1: left, x2: left + width, y1: y - 8, y2: y - 8 }));
    y += 10;
  }
  for (const rule of step.rules) {
    put(rule.said, rule.restores === "nothing" || rule.written === false ? "value missing" : "value", fonts.code);
    y += 4;
  }
  const height = y - LINE + 8 - top - (step.rules.length ? 4 : 0) + PAD / 2;
  element.append(svg("rect", { class: "box", x: left, y: top, width, height, rx: 6 }), ...lines);
  return { element, height };
}

function text(x, y, string, kind) {
  return svg("text", { x, y, class: kind }, string);
}

function arrow(x1, y1, x2, y2) {
  const tip = x1 === x2
    ? `${x2},${y2} ${x2 - 5},${y2 - 8} ${x2 + 5},${y2 - 8}`
    : `${x2},${y2} ${x2 - 8},${y2 - 5} ${x2 - 8},${y2 + 5}`;
  return svg("g", { class: "arrow" }, svg("line", { x1, y1, x2: x1 === x2 ? x2 : x2 - 8, y2: x1 === x2 ? y2 - 8 : y2 }), svg("polygon", { points: tip }));
}

function fontsOf(body) {
  const { fontFamily } = getComputedStyle(body);
  const code = getComputedStyle(document.getElementById("text")).fontFamily;
  return { plain: `12px ${fontFamily}`, bold: `600 13px ${fontFamily}`, code: `12px ${code}` };
}

/** A text in lines of so many pixels: broken at spaces, and where there is none anywhere. */
function wrapped(string, width, font) {
  MEASURE.font = font;
  const fits = (line) => MEASURE.measureText(line).width <= width;
  const lines = [];
  let line = "";
  for (const word of string.split(" ")) {
    if (line && fits(`${line} ${word}`)) {
      line = `${line} ${word}`;
      continue;
    }
    if (line) lines.push(line);
    line = "";
    for (const character of word) {
      if (line && !fits(line + character)) {
        lines.push(line);
        line = "";
      }
      line += character;
    }
  }
  return [...lines, line];
}
