"""Take the pictures of docs/cli/playground.md: `python -m tools.screenshot`, with Debian's chromium and its driver."""

import base64
import sys
from pathlib import Path

from selenium.webdriver.support.select import Select

from testbed.browser import MISSING, Page, browser, playground

PAGE_FOLDER = Path(__file__).parents[1] / "docs" / "cli"
PICTURES = (
    ("playground", "A batch with three mistakes", "Refused: 3 errors", "findings", 700),
    ("playground-plan", "A restore in an old spelling", "Admitted: 1 warning, 1 change", "plan", 700),
)
"""Name, example, what the page says of it, the tab that is open, and the height in pixels."""


def main() -> None:
    """Take them all."""
    if MISSING:
        sys.exit(f"not installed: {', '.join(MISSING)}")
    with playground() as (address, _), browser(address) as page:
        for name, example, says, tab, height in PICTURES:
            page.scheme("light")
            page.size(1200, height)
            page.load()
            (PAGE_FOLDER / f"{name}.png").write_bytes(_picture(page, example, says, tab))


def _picture(page: Page, example: str, says: str, tab: str) -> bytes:
    Select(page.find("#examples")).select_by_visible_text(example)
    page.until(lambda: page.status == says)
    page.choose(tab)
    page.run("document.activeElement.blur()")
    return base64.b64decode(page.ask("Page.captureScreenshot", format="png")["data"])


if __name__ == "__main__":
    main()
