"""The playground's page in a real Chromium: typing, keys, files, what a screen reader is told, and hostile texts."""

import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from testbed.browser import MISSING, Page, browser, playground

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")

HEAD = "apiVersion: stash.appscode.com/v1beta1\nmetadata: {name: web, namespace: demo}\n"
GOOD = f"""\
{HEAD}kind: BackupConfiguration
spec:
  repository: {{name: gcs-repo}}
  schedule: "0 3 * * *"
  retentionPolicy: {{name: keep-last-5, keepLast: 5, prune: true}}
  target:
    alias: app
    ref: {{apiVersion: apps/v1, kind: Deployment, name: web}}
"""
BAD = GOOD.replace("0 3 * * *", "0 24 * * *")
WITHOUT = GOOD.replace("    alias: app\n", "")
IN_ORDER = f"""\
{HEAD}kind: BackupBatch
spec:
  repository: {{name: gcs-repo}}
  retentionPolicy: {{name: keep-last-5, keepLast: 5, prune: true}}
  executionOrder: Sequential
  maintainOrder: true
  members:
  - target: {{alias: db, ref: {{apiVersion: apps/v1, kind: StatefulSet, name: db}}}}
  - target: {{alias: app, ref: {{apiVersion: apps/v1, kind: Deployment, name: web}}}}
  - target: {{alias: log, ref: {{apiVersion: apps/v1, kind: DaemonSet, name: collector}}}}
"""
RESTORE = f"""\
{HEAD}kind: RestoreSession
spec:
  repository: {{name: gcs-repo}}
  target:
    alias: db
    ref: {{apiVersion: apps/v1, kind: StatefulSet, name: db}}
    rules:
    - {{targetHosts: [db-0, db-1], sourceHost: db-0}}
"""
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
"""


@pytest.fixture(scope="module")
def opened() -> Iterator[Page]:
    with playground() as (address, _), browser(address) as page:
        page.ask("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        yield page


@pytest.fixture
def page(opened: Page) -> Iterator[Page]:
    """The page, loaded anew. Afterwards nothing may have gone wrong behind it."""
    opened.size(1280, 800)
    opened.scheme("light")
    opened.load()
    yield opened
    assert opened.run("return window.violations") == []
    assert opened.complaints() == []


def judged(page: Page, text: str, status: str) -> None:
    """Paste a text and wait until the live region says so."""
    page.write(text)
    page.until(lambda: page.status == status)


def keys(page: Page, *pressed: str) -> None:
    ActionChains(page.driver).send_keys(*pressed).perform()


def with_control(page: Page, key: str) -> None:
    ActionChains(page.driver).key_down(Keys.CONTROL).send_keys(key).key_up(Keys.CONTROL).perform()


def focused(page: Page) -> str:
    """The id of what has the focus; its class where it has none."""
    return str(page.run("const it = document.activeElement; return it.id || it.className || it.tagName"))


# --- What is typed is judged


def test_what_is_typed_is_judged_while_it_is_typed(page: Page) -> None:
    page.find("#text").click()
    keys(page, "kind: [")
    page.until(lambda: page.status.startswith("Cannot be read: a fault in line 1"))


def test_findings_stand_at_their_lines_and_go_once_they_are_mended(page: Page) -> None:
    judged(page, BAD, "Refused: 1 error")
    assert page.find(".finding .at").text == "line 6, column 3"
    assert page.find(".gutter .error").get_attribute("data-line") == "6"
    assert page.find(".gutter .error .sign").text == "●"
    assert page.find("#text").get_attribute("aria-invalid") == "true"
    judged(page, GOOD, "Admitted: nothing to report")
    assert page.all(".finding") == page.all(".gutter .error") == []
    assert page.find("#text").get_attribute("aria-invalid") == "false"


def test_a_finding_leads_to_its_place_in_the_text(page: Page) -> None:
    before = "".join(f"# 🦜 {number}\n" for number in range(200))
    bad = BAD.replace("  schedule", '  "\\U0001d4b3": 🦜\n  schedule')
    judged(page, before + bad, "Refused: 1 error, 1 warning")
    for place in page.all(".place"):
        place.click()
        marked = page.run(
            "const area = document.activeElement; return area.value.slice(area.selectionStart, area.selectionEnd)"
        )
        assert (focused(page), marked) in [("text", '"\\U0001d4b3"'), ("text", "schedule")]
        top, height = page.run("const area = document.activeElement; return [area.scrollTop, area.clientHeight]")
        assert top < 206 * 20 < top + height
    numbers = [each.text for (each,) in page.seen(".gutter [data-line]")]
    assert "207" in "".join(numbers)
    assert len(numbers) < 60, "only the lines that are seen are drawn"


def test_a_rule_is_explained_in_a_dialog_that_escape_closes(page: Page) -> None:
    judged(page, BAD, "Refused: 1 error")
    page.find(".rule").click()
    assert page.find("dialog h2").text == "valid-schedule"
    assert "CronJob" in page.find("dialog .summary").text
    assert len(page.all("dialog pre")) == 2
    keys(page, Keys.ESCAPE)
    page.until(lambda: not page.find("dialog").is_displayed())
    assert focused(page) == "rule"


def test_what_was_typed_last_is_what_is_judged(page: Page) -> None:
    for number in range(20):
        page.write(BAD if number % 2 else WITHOUT)
        page.run("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', ctrlKey: true}))")
    judged(page, GOOD, "Admitted: nothing to report")


def test_ctrl_enter_judges_at_once(page: Page) -> None:
    page.run(
        "const own = fetch; window.calls = 0; window.fetch = (...all) => { window.calls += 1; return own(...all) }"
    )
    at_once = page.run(
        "const area = document.getElementById('text'); area.value = arguments[0];"
        "area.dispatchEvent(new Event('input'));"
        "const before = window.calls;"
        "area.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', ctrlKey: true, bubbles: true}));"
        "return [before, window.calls]",
        BAD,
    )
    assert at_once == [0, 1]
    page.until(lambda: page.status == "Refused: 1 error")
    with_control(page, Keys.ENTER)
    page.until(lambda: page.run("return window.calls") == 2)


def test_several_objects_are_told_apart(page: Page) -> None:
    judged(
        page, f"{BAD}---\n{WITHOUT.replace('name: web, ', 'name: shop, ')}", "1 of 2 objects refused: 1 error, 1 change"
    )
    assert [each.text for (each,) in page.seen("#findings h3")] == [
        "BackupConfiguration demo/web",
        "BackupConfiguration demo/shop",
    ]
    judged(page, "kind: Secret\n", "No object of Stash: 1 object of other kinds left out")


def test_of_very_many_findings_the_first_are_listed_and_the_rest_counted(page: Page) -> None:
    judged(page, BAD + "".join(f"  x{number}: 1\n" for number in range(600)), "Refused: 1 error, 600 warnings")
    assert len(page.all(".finding")) == 500
    assert page.find("#findings .empty").text == "101 more are not listed."


def test_json_is_judged_too(page: Page) -> None:
    document = {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "RestoreSession",
        "metadata": {"name": "x"},
        "spec": {"repository": {"name": "r"}, "timeOut": "3d"},
    }
    judged(page, json.dumps(document, indent=1), "Refused: 1 error")
    assert "timeOut" in page.find(".place code").text


# --- What is stored


def test_the_alias_that_is_written_is_shown_as_a_difference_by_sign_and_colour(page: Page) -> None:
    judged(page, WITHOUT, "Admitted: 1 change")
    page.choose("stored")
    added = page.find(".difference .added")
    assert [each.get_property("textContent") for each in added.find_elements("css selector", "td")] == [
        "",
        "9",
        "+",
        "    alias: host-0",
    ]
    assert page.all(".difference .removed") == []
    page.find("#accept").click()
    page.until(lambda: page.status == "Admitted: nothing to report")
    assert page.run("return document.getElementById('text').value") == GOOD.replace("app\n", "host-0\n")
    page.run("document.getElementById('text').focus()")
    with_control(page, "z")
    page.until(lambda: page.status == "Admitted: 1 change")


def test_it_is_judged_as_an_update_of_what_is_stored(page: Page) -> None:
    page.find("#update summary").click()
    page.write(GOOD, "old")
    judged(page, GOOD.replace("alias: app", "alias: web"), "Admitted: 1 warning")
    assert "alias-changed" in page.find(".rule").text
    page.find("#update summary").click()
    page.until(lambda: page.status == "Admitted: nothing to report")
    page.find("#update summary").click()
    page.write("a: [", "old")
    page.until(lambda: page.status.startswith("Cannot be read: a fault in line 1 of what is stored"))
    page.find(".place").click()
    assert focused(page) == "old"


# --- Plans


def test_the_picture_has_a_wave_for_each_wave_and_the_hosts_of_its_members(page: Page) -> None:
    page.size(1600, 800)
    judged(page, IN_ORDER, "Admitted: nothing to report")
    page.choose("plan")
    assert [[each.text for each in wave] for wave in page.seen("svg .wave", "text")] == [
        ["wave 1", "StatefulSet db", "alias", "db", "host", "db-$POD_INDEX", "members[0]"],
        ["wave 2", "Deployment web", "alias", "app", "host", "app", "members[1]"],
        ["wave 3", "DaemonSet collector", "alias", "log", "host", "log-$NODE_NAME", "members[2]"],
    ]
    left = [wave.left for (wave,) in page.seen("svg .wave")]
    assert left == sorted(left)
    assert len(set(left)) == 3
    assert len(page.all("svg .arrow")) == 2
    page.size(320, 800)
    page.until(lambda: len({wave.left for (wave,) in page.seen("svg .wave")}) == 1)
    assert len(page.all("svg .arrow")) == 2


def test_nothing_in_the_picture_is_wider_than_its_box(page: Page) -> None:
    wide = IN_ORDER.replace("name: db", f"name: {'very-long-name-' * 4}").replace("alias: app", f"alias: {'a' * 60}")
    judged(page, wide, "Admitted: nothing to report")
    page.choose("plan")
    members = page.seen("svg .member", "rect, text")
    assert len(members) == 3
    for outer, *texts in members:
        assert texts
        for each in texts:
            assert outer.left <= each.left <= each.right <= outer.right
            assert outer.top <= each.top <= each.bottom <= outer.bottom


def test_the_rule_that_feeds_a_host_is_in_the_picture_and_in_the_table(page: Page) -> None:
    judged(page, RESTORE, "Admitted: nothing to report")
    page.choose("plan")
    said = " ".join(each.text for (each,) in page.seen("svg .member text"))
    assert "db-1 ← everything of db-0 (rules[0])" in said
    (missing,), *_ = page.seen("svg .missing")
    assert missing.text.startswith("every other db-$POD_INDEX")
    assert not page.find("#plan table").is_displayed()
    page.find("#plan summary").click()
    cells = [each.text for (each,) in page.seen("#plan tbody td")]
    assert cells[:3] == ["1", "db", "db-$POD_INDEX"]
    assert "db-1 ← everything of db-0 (rules[0])" in cells[3]
    named = str(page.find("#plan svg").get_attribute("aria-labelledby")).split()
    told = " ".join(page.run("return document.getElementById(arguments[0]).textContent", each) for each in named)
    assert "db-1 ← everything of db-0 (rules[0])" in told


# --- Files and examples


def drop(page: Page, name: str, content: bytes) -> None:
    page.run(
        """
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(arguments[1])], arguments[0]));
        const area = document.getElementById("text");
        for (const kind of ["dragover", "drop"]) {
          const event = new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true});
          if (area.dispatchEvent(event)) throw new Error(`${kind} is left to the browser`);
        }
        """,
        name,
        list(content),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_dropped_on_the_text(page: Page, encoding: str) -> None:
    drop(page, "backup.yaml", BAD.replace("\n", "\r\n").encode(encoding))
    page.until(lambda: page.status == "Refused: 1 error")
    assert page.find(".finding .at").text == "line 6, column 3"
    assert page.run("return document.getElementById('text').value") == BAD


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xffa: 1", "backup.yaml is not UTF-8"),
        (b"a\0b", "binary file"),
        (b"#" * (7 * 2**20 + 1), "larger than 7 MiB"),
    ],
    ids=["latin", "binary", "large"],
)
def test_a_file_that_cannot_be_read_is_told_and_the_text_stays(page: Page, content: bytes, says: str) -> None:
    judged(page, GOOD, "Admitted: nothing to report")
    if len(content) < 100:
        drop(page, "backup.yaml", content)
    else:
        page.run(
            """
            const data = new DataTransfer();
            data.items.add(new File(["#".repeat(arguments[0])], "backup.yaml"));
            document.getElementById("text").dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true}));
            """,
            len(content),
        )
    page.until(lambda: says in page.status)
    assert page.run("return document.getElementById('text').value") == GOOD


def test_a_file_is_opened(page: Page, tmp_path: Path) -> None:
    (tmp_path / "backup.yaml").write_text(BAD)
    page.find("#file").send_keys(str(tmp_path / "backup.yaml"))
    page.until(lambda: page.status == "Refused: 1 error")


def test_an_example_is_chosen_with_what_is_stored_of_it(page: Page) -> None:
    choice = Select(page.find("#examples"))
    choice.select_by_visible_text("An update with another alias")
    page.until(lambda: page.status == "Admitted: 1 warning")
    assert page.find("#old").is_displayed()
    assert focused(page) == "examples"
    assert choice.first_selected_option.text == "An update with another alias"
    choice.select_by_visible_text("A batch with three mistakes")
    page.until(lambda: page.status == "Refused: 3 errors")
    assert not page.find("#old").is_displayed()
    page.write(GOOD)
    assert choice.first_selected_option.text == "Choose …"


def test_a_text_that_is_too_large_is_told(page: Page) -> None:
    # A text area takes seconds to show so much, so it is added on the way to the server.
    page.run(
        "const own = fetch;"
        "window.fetch = (path, how) => own(path, {...how, body: how.body + ' '.repeat(arguments[0])})".replace(
            "arguments[0]", str(7 * 2**20)
        )
    )
    page.write(GOOD)
    page.until(lambda: "larger than 7 MiB" in page.status)
    assert len(page.complaints()) == 1, "the browser tells the status 413"


def test_a_server_that_is_gone_is_told(page: Page) -> None:
    page.run("window.fetch = () => Promise.reject(new TypeError('Failed to fetch'))")
    page.write(GOOD)
    page.until(lambda: page.status.startswith("No answer: start stash-admission playground again"))


# --- Hostile texts

HOSTILE = "<img src=x onerror=window.hurt=1><script>window.hurt=1</script>"


def test_no_name_is_read_as_html_wherever_it_is_shown(page: Page) -> None:
    text = f"{BAD.replace('name: web,', f'name: {json.dumps(HOSTILE)},')}  {json.dumps(HOSTILE)}: 1\n"
    text = text.replace("gcs-repo", HOSTILE).replace("alias: app\n", f"\n    replicas: {HOSTILE}\n")
    text += "---\n" + WITHOUT.replace("  target:", f"  # {HOSTILE}\n  target:")
    page.write(f"{text}---\n{IN_ORDER.replace('name: db', f'name: {json.dumps(HOSTILE)}')}---\n{HOSTILE}: [")
    page.until(lambda: page.status.startswith("Cannot be read"))
    for panel in ("findings", "stored", "plan"):
        page.choose(panel)
        assert HOSTILE in page.run("return document.getElementById(arguments[0]).textContent", panel)
    assert page.all("main img, main script") == []
    assert page.run("return window.hurt") is None


def test_not_even_a_script_on_the_page_could_write_html(page: Page) -> None:
    said = page.run(
        "try { document.body.innerHTML = arguments[0]; return 'written' } catch (error) { return error.name }", HOSTILE
    )
    assert said == "TypeError"
    assert page.run("return window.violations.splice(0)") == ["require-trusted-types-for"]
    assert len(page.complaints()) == 1


# --- Keys


def test_everything_is_reached_by_tab_in_the_order_of_the_page_and_nothing_holds_the_focus(page: Page) -> None:
    judged(page, WITHOUT, "Admitted: 1 change")
    page.run("document.querySelector('.skip').focus()")
    order = []
    for _ in range(12):
        order.append(focused(page))
        seen = page.run(
            "const it = document.activeElement, style = getComputedStyle(it),"
            " near = getComputedStyle(it.closest('.editor') ?? it.nextElementSibling ?? it);"
            "return style.outlineStyle !== 'none' || near.boxShadow !== 'none' || near.outlineStyle !== 'none'"
        )
        assert seen, order
        if order[-1] == "rule":  # what comes next is the browser's
            break
        keys(page, Keys.TAB)
    assert order == ["skip", "examples", "file", "text", "SUMMARY", "findings-tab", "findings", "place", "rule"]


def test_the_first_tab_skips_to_the_answer(page: Page) -> None:
    page.run("document.querySelector('.skip').focus()")
    assert page.find(".skip").rect["y"] >= 0
    keys(page, Keys.ENTER)
    page.until(lambda: focused(page) == "answer")
    keys(page, Keys.TAB)
    assert focused(page) == "findings-tab"


def test_tabs_are_changed_by_arrow_keys(page: Page) -> None:
    judged(page, WITHOUT, "Admitted: 1 change")
    page.choose("findings")
    for key, tab in [
        (Keys.ARROW_RIGHT, "stored"), (Keys.ARROW_RIGHT, "plan"), (Keys.ARROW_RIGHT, "findings"),
        (Keys.ARROW_LEFT, "plan"), (Keys.HOME, "findings"), (Keys.END, "plan"), (Keys.ARROW_LEFT, "stored"),
    ]:  # fmt: skip
        keys(page, key)
        assert focused(page) == f"{tab}-tab"
        assert [each.get_attribute("id") for each in page.all(".panel:not([hidden])")] == [tab]
        assert [each.get_attribute("id") for each in page.all("[aria-selected=true]")] == [f"{tab}-tab"]
    keys(page, Keys.TAB)
    assert focused(page) == "stored"
    keys(page, Keys.TAB)
    assert focused(page) == "accept"


def test_a_fault_is_found_and_mended_by_keys_alone(page: Page) -> None:
    page.run("document.querySelector('.skip').focus()")
    keys(page, Keys.TAB, Keys.TAB, Keys.TAB)
    assert focused(page) == "text"
    page.ask("Input.insertText", text=BAD)
    page.until(lambda: page.status == "Refused: 1 error")
    keys(page, Keys.TAB, Keys.TAB, Keys.TAB, Keys.TAB)
    assert focused(page) == "place"
    keys(page, Keys.ENTER)
    assert focused(page) == "text"
    keys(page, "schedule", Keys.END, *[Keys.BACKSPACE] * 9, "3 * * *", '"')
    page.until(lambda: page.status == "Admitted: nothing to report")


# --- What assistive technology is told

INTERACTIVE = {
    "button",
    "link",
    "textbox",
    "combobox",
    "tab",
    "tabpanel",
    "DisclosureTriangle",
    "dialog",
    "image",
    "table",
}


def tree(page: Page) -> list[tuple[str, str, dict[str, Any]]]:
    """Role, name and properties of each node of the accessibility tree."""
    nodes = page.ask("Accessibility.getFullAXTree")["nodes"]
    return [
        (
            str(node.get("role", {}).get("value")),
            str(node.get("name", {}).get("value", "")),
            {each["name"]: each["value"].get("value") for each in node.get("properties", [])},
        )
        for node in nodes
        if not node["ignored"]
    ]


@pytest.mark.parametrize("tab", ["findings", "stored", "plan"])
def test_everything_has_a_name_and_headings_leave_no_level_out(page: Page, tab: str) -> None:
    page.find("#update summary").click()
    judged(page, RESTORE.replace("    rules:\n    -", "  rules:\n  -"), "Admitted: 1 warning, 1 change")
    page.choose(tab)
    if tab == "plan":
        page.find("#plan summary").click()
    nodes = tree(page)
    assert [(role, name) for role, name, _ in nodes if role in INTERACTIVE and not name.strip()] == []
    assert {"textbox", "combobox", "tab", "tabpanel", "main", "banner", "contentinfo"} <= {role for role, _, _ in nodes}
    names = [name for role, name, _ in nodes if role == "textbox"]
    assert names == ["Manifest", "What is stored"]
    levels = [int(found["level"]) for role, _, found in nodes if role == "heading"]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    if tab == "plan":
        assert any(role == "image" and name.startswith("Plan of RestoreSession demo/web") for role, name, _ in nodes)
        assert ("table", "Plan of RestoreSession demo/web") in [each[:2] for each in nodes]


def test_the_verdict_is_a_live_region_that_waits_its_turn(page: Page) -> None:
    judged(page, BAD, "Refused: 1 error")
    ((_, _, found),) = [each for each in tree(page) if each[0] == "status"]
    assert found["live"] == "polite"
    assert page.run("return document.documentElement.lang") == "en"


def test_a_live_region_that_says_the_same_is_not_told_again(page: Page) -> None:
    judged(page, BAD, "Refused: 1 error")
    page.run(
        "window.told = 0; new MutationObserver(() => { window.told += 1 }).observe(document.getElementById('status'),"
        " {childList: true, characterData: true, subtree: true});"
        "window.drawn = 0; new MutationObserver(() => { window.drawn += 1 })"
        ".observe(document.getElementById('findings'), {childList: true})"
    )
    page.write(f"{BAD}# more\n")
    page.until(lambda: page.run("return window.drawn") > 0)
    assert page.run("return window.told") == 0


# --- What it looks like

LUMINANCE = [(0.2126, 0), (0.7152, 1), (0.0722, 2)]
MEASURED = [
    "body", "h1 span", "header p", "#status", ".hint", "footer", "[aria-selected=true]", "[aria-selected=false]",
    ".more", ".finding p", ".finding .word", ".finding .at", ".finding .rule", ".finding.warning .word",
    ".finding.change .word",
    ".gutter [data-line]", ".gutter .error .sign", ".gutter .warning .sign", "#text", "#examples", ".file span",
    ".difference .added .line", ".difference .removed .line", ".difference .removed .sign", ".difference .same .number",
    "#plan .facts", "#plan .note", "svg .name", "svg .label", "svg .target", "svg .missing",
]  # fmt: skip


def contrast(one: list[float], other: list[float]) -> float:
    """The ratio of WCAG 2.2, 1 to 21, of two colours as red, green and blue, each 0 to 255."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: list[float]) -> float:
    parts = [each / 255 for each in colour]
    linear = [each / 12.92 if each <= 0.04045 else math.pow((each + 0.055) / 1.055, 2.4) for each in parts]
    return sum(weight * linear[index] for weight, index in LUMINANCE)


COLOURS = """
const parse = (text) => text.match(/[\\d.]+/g).map(Number);
const element = document.querySelector(arguments[0]);
if (!element) return null;
const ink = element instanceof SVGElement ? getComputedStyle(element).fill : getComputedStyle(element).color;
if (element instanceof SVGElement) {
  const box = (element.closest(".member") ?? element.closest(".wave")).querySelector("rect");
  return [parse(ink), parse(getComputedStyle(box).fill)];
}
for (let behind = element; behind; behind = behind.parentElement) {
  const [red, green, blue, alpha] = parse(getComputedStyle(behind).backgroundColor);
  if (alpha !== 0) return [parse(ink), [red, green, blue]];
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(page: Page, scheme: str) -> None:
    page.scheme(scheme)
    text = RESTORE.replace("    rules:\n    -", "  timeOut: 3d\n  rules:\n  -")
    judged(page, text, "Refused: 1 error, 1 warning, 1 change")
    page.choose("plan")
    for selector in MEASURED:
        ink, ground = page.run(COLOURS, selector)
        assert contrast(ink[:3], ground) >= 4.5, (selector, ink, ground)


@pytest.mark.parametrize("width", [320, 480, 1280])
def test_nothing_is_wider_than_the_window(page: Page, width: int) -> None:
    page.size(width, 800)
    for text, status in [(RESTORE, "Admitted: nothing to report"), (BAD, "Refused: 1 error")]:
        judged(page, text + "#" * 400, status)
        for tab in ("findings", "stored", "plan"):
            page.choose(tab)
            assert page.run("return document.documentElement.scrollWidth - window.innerWidth") <= 0


def test_what_looks_like_motion_stops_where_it_is_not_wanted(page: Page) -> None:
    page.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    assert page.run("return getComputedStyle(document.getElementById('status')).transitionProperty") in ("none", "all")
    page.run("document.documentElement.classList.add('asking')")
    assert page.run("return getComputedStyle(document.getElementById('status')).transitionDuration") == "0s"
