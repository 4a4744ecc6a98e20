// The findings: what the server refuses, warns of and changes, each with its place.

import { counted, html } from "./dom.js";

const MOST = 500; // findings that are listed
const WORDS = { error: "Error", warning: "Warning", change: "Change" };

/** The one line that says it all. */
export function verdict(answer) {
  const { objects, refused, others, unreadable, findings } = answer;
  const count = (level) => findings.filter((each) => each.level === level).length;
  const said = ["error", "warning", "change"].filter(count).map((level) => counted(count(level), level)).join(", ");
  if (unreadable.length) {
    const line = unreadable[0].line === null ? "" : ` in line ${unreadable[0].line}`;
    const where = unreadable[0].where === "old" ? " of what is stored" : "";
    return { level: "error", text: `Cannot be read: a fault${line}${where}${said ? `; of the rest ${said}` : ""}` };
  }
  if (!objects) {
    if (others) return { level: "", text: `No object of Stash: ${counted(others, "object")} of other kinds left out` };
    return { level: "", text: "Nothing to judge yet" };
  }
  if (refused) {
    const which = objects === 1 ? "Refused" : `${refused} of ${objects} objects refused`;
    return { level: "error", text: `${which}: ${said}` };
  }
  const level = count("warning") ? "warning" : "good";
  const which = objects === 1 ? "Admitted" : `All ${objects} objects admitted`;
  return { level, text: `${which}: ${said || "nothing to report"}` };
}

/** The list. `go` is called with a place and whether it is in what is stored, `explain` with a rule's id. */
export function list(answer, go, explain) {
  const parts = [];
  if (answer.unreadable.length) {
    parts.push(html("h3", {}, "Cannot be read"), html("ul", {}, ...answer.unreadable.map((each) => unreadable(each, go))));
  }
  for (const [object, findings] of grouped(answer.findings.slice(0, MOST))) {
    parts.push(html("h3", {}, object), html("ul", {}, ...findings.map((each) => item(each, go, explain))));
  }
  if (answer.findings.length > MOST) {
    parts.push(html("p", { class: "empty" }, `${answer.findings.length - MOST} more are not listed.`));
  }
  if (answer.notes.length) {
    parts.push(html("h3", {}, "Not checked"), html("ul", {}, ...answer.notes.map((each) => html("li", {}, each))));
  }
  if (!parts.length) {
    const empty = "Paste a manifest, drop a file, or choose an example: BackupConfigurations, BackupBatches, " +
      "RestoreSessions and RestoreBatches are judged as the server judges them.";
    parts.push(html("p", { class: "empty" }, answer.objects ? "There is nothing to report." : empty));
  }
  return parts;
}

function grouped(findings) {
  const groups = new Map();
  for (const each of findings) groups.set(each.object, [...(groups.get(each.object) ?? []), each]);
  return groups;
}

function item(finding, go, explain) {
  const { level, line, column, path, message, rule } = finding;
  return html("li", { class: `finding ${level}` },
    place(WORDS[level], line, column, () => go(finding, false), path),
    html("p", {}, message),
    html("button", {
      type: "button", class: "rule", "aria-haspopup": "dialog", "aria-label": `Explain ${rule}`,
      click: () => explain(rule),
    }, rule),
  );
}

function unreadable(fault, go) {
  const { where, line, column, message } = fault;
  const stored = where === "old";
  const head = line === null
    ? html("p", { class: "word" }, "Error")
    : place("Error", line, column, () => go(fault, stored), stored ? "in what is stored" : "");
  return html("li", { class: "finding error" }, head, html("p", {}, message));
}

function place(word, line, column, click, path) {
  return html("button", { type: "button", class: "place", click },
    html("span", { class: "word" }, word), " ",
    html("span", { class: "at" }, `line ${line}, column ${column}`), " ",
    html("code", {}, path),
  );
}
