// A rule's documentation in a dialog.

import { html } from "./dom.js";

const LEVELS = {
  enforce: "It refuses an object.",
  warn: "It warns.",
  off: "It is switched off.",
  mutation: "It changes an object.",
};

/** A text in which `code` is in backticks. */
function prose(text) {
  return text.split("`").map((each, number) => (number % 2 ? html("code", {}, each) : each));
}

/** Show what there is to know of a rule. */
export function explain(dialog, id, rule) {
  const kinds = rule.kinds.length ? ` For ${rule.kinds.join(", ")}.` : "";
  const examples = Object.entries(rule.examples).flatMap(([name, text]) => [
    html("h3", {}, name),
    html("pre", { tabindex: "0", "aria-label": `${name} example` }, text),
  ]);
  dialog.querySelector("#rule-text").replaceChildren(
    html("h2", { id: "rule-heading" }, id),
    html("p", { class: "summary" }, ...prose(rule.summary)),
    html("p", { class: "facts" }, `${LEVELS[rule.level] ?? ""}${kinds}`),
    ...rule.reason.split("\n\n").filter(Boolean).map((each) => html("p", {}, ...prose(each))),
    ...examples,
  );
  dialog.showModal();
  dialog.scrollTo(0, 0);
}
