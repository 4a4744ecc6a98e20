// A text area with line numbers, and marks at the lines of findings. Only the lines that are seen are drawn.

import { html } from "./dom.js";

const SIGNS = { error: "●", warning: "▲", change: "+" };

export class Editor {
  /** `root` holds the gutter, the bands behind the text, and the text area. */
  constructor(root, changed) {
    this.root = root;
    this.area = root.querySelector("textarea");
    this.gutter = root.querySelector(".gutter > div");
    this.bands = root.querySelector(".bands > div");
    this.marks = new Map();
    this.lines = 1;
    this.area.addEventListener("input", () => {
      this.count();
      changed();
    });
    this.area.addEventListener("scroll", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.area);
    this.count();
  }

  get text() {
    return this.area.value;
  }

  /** Replace the text, so that Ctrl+Z brings the old one back. */
  set text(text) {
    const focused = document.activeElement;
    this.area.focus({ preventScroll: true });
    this.area.select();
    // Nothing else keeps what can be undone. It raises `input`. What is hidden cannot be focused.
    if (document.activeElement !== this.area || !document.execCommand("insertText", false, text)) {
      this.area.value = text;
      this.area.dispatchEvent(new Event("input"));
    }
    this.area.setSelectionRange(0, 0);
    this.area.scrollTo(0, 0);
    focused?.focus?.({ preventScroll: true });
  }

  /** Mark lines: the worst of `level` for each. */
  mark(findings) {
    const order = ["change", "warning", "error"];
    this.marks = new Map();
    for (const { line, level } of findings) {
      const known = this.marks.get(line);
      if (!known || order.indexOf(level) > order.indexOf(known)) this.marks.set(line, level);
    }
    this.area.setAttribute("aria-invalid", String([...this.marks.values()].includes("error")));
    this.draw();
  }

  /** Put the cursor to a place, what is there selected, and show it. Columns are characters, be they two units. */
  show({ line, column, length = 0 }) {
    const text = this.text;
    let start = 0;
    for (let number = 1; number < line; number += 1) start = text.indexOf("\n", start) + 1;
    const end = text.indexOf("\n", start);
    const characters = [...text.slice(start, end < 0 ? undefined : end)];
    const from = start + characters.slice(0, column - 1).join("").length;
    const to = from + characters.slice(column - 1, column - 1 + length).join("").length;
    this.area.focus();
    this.area.setSelectionRange(from, to);
    this.area.scrollTo(0, Math.max((line - 1) * this.height - this.area.clientHeight / 3, 0));
    this.root.scrollIntoView({ block: "nearest" });
  }

  get height() {
    return parseFloat(getComputedStyle(this.area).lineHeight);
  }

  count() {
    this.lines = 1;
    const text = this.text;
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) this.lines += 1;
    this.draw();
  }

  draw() {
    const { height, area } = this;
    const padding = parseFloat(getComputedStyle(area).paddingTop);
    const first = Math.max(Math.floor((area.scrollTop - padding) / height), 0);
    const last = Math.min(first + Math.ceil(area.clientHeight / height) + 2, this.lines);
    const numbers = [];
    const bands = [];
    for (let line = first + 1; line <= last; line += 1) {
      const level = this.marks.get(line);
      const sign = html("span", { class: "sign" }, level ? SIGNS[level] : "");
      numbers.push(html("div", { class: level ?? false, "data-line": String(line) }, sign, String(line)));
      bands.push(html("div", { class: level ?? false }));
    }
    for (const [layer, rows] of [[this.gutter, numbers], [this.bands, bands]]) {
      layer.replaceChildren(...rows);
      layer.style.transform = `translateY(${padding + first * height - area.scrollTop}px)`;
    }
    this.gutter.parentElement.style.setProperty("--digits", String(this.lines).length);
  }
}
