// What the server changes, as a difference: line numbers, a sign, and the line.

import { html } from "./dom.js";

const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)/;

/** The panel. `accept` writes the changes into the manifest. */
export function difference(answer, accept) {
  const parts = answer.left.map((each) => html("p", { class: "note" }, each));
  if (!answer.diff.length) {
    const nothing = answer.objects ? "The server changes nothing: it would be the text as it stands." : "Nothing is judged yet.";
    return parts.length ? parts : [html("p", { class: "empty" }, nothing)];
  }
  if (answer.refused) {
    parts.push(html("p", { class: "note" }, "What is refused is not stored. This is what the server would change."));
  }
  const head = ["Before", "After", "Change", "Line"].map((each) => html("th", { scope: "col" }, each));
  parts.push(
    html("table", { class: "difference" },
      html("caption", { class: "unseen" }, "What the server changes in the manifest"),
      html("thead", { class: "unseen" }, html("tr", {}, ...head)),
      html("tbody", {}, ...rows(answer.diff)),
    ),
    html("p", {}, html("button", { type: "button", id: "accept", click: accept }, "Write the changes into the manifest")),
  );
  return parts;
}

function* rows(lines) {
  let before = 0;
  let after = 0;
  let first = true;
  for (const line of lines) {
    const hunk = HUNK.exec(line);
    const sign = line[0];
    const text = line.slice(1);
    if (hunk) {
      before = Number(hunk[1]);
      after = Number(hunk[2]);
      if (!first) yield html("tr", { class: "gap" }, html("td", { colspan: "4" }, "⋯"));
      first = false;
    } else if (sign === "+") {
      yield row("added", "", after++, "+", html("ins", {}, text));
    } else if (sign === "-") {
      yield row("removed", before++, "", "−", html("del", {}, text));
    } else {
      yield row("same", before++, after++, "", text);
    }
  }
}

function row(kind, before, after, sign, text) {
  return html("tr", { class: kind },
    html("td", { class: "number" }, String(before)),
    html("td", { class: "number" }, String(after)),
    html("td", { class: "sign" }, sign),
    html("td", { class: "line" }, text),
  );
}
