// Tabs as the ARIA Authoring Practices have them: one is reached by Tab, arrow keys go to the others.

export class Tabs {
  /** `chosen` is called after another tab was opened. */
  constructor(list, chosen) {
    this.chosen = chosen;
    this.tabs = [...list.querySelectorAll("[role=tab]")];
    this.tabs.forEach((tab, number) => {
      tab.addEventListener("click", () => this.choose(number));
      tab.addEventListener("keydown", (event) => this.key(event, number));
    });
  }

  choose(chosen) {
    this.tabs.forEach((tab, number) => {
      const selected = number === chosen;
      tab.setAttribute("aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !selected;
    });
    this.chosen();
  }

  key(event, number) {
    const last = this.tabs.length - 1;
    const to = {
      ArrowRight: number === last ? 0 : number + 1,
      ArrowLeft: number === 0 ? last : number - 1,
      Home: 0,
      End: last,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.choose(to);
    this.tabs[to].focus();
  }
}
