"""The playground in a process of its own, and Debian's Chromium in front of it."""

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from testbed.patience import PATIENCE
from testbed.server import environment

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
MISSING = [str(each) for each in (CHROMIUM, DRIVER) if not each.exists()]
"""What is not installed: Debian's packages chromium and chromium-driver have both."""


@contextlib.contextmanager
def playground(*flags: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`stash-admission playground` on a free port: its address, and the process."""
    command = [sys.executable, "-m", "app", "playground", "--port", "0", *flags]
    process = subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], PATIENCE)[0], "it says no address"
        yield process.stdout.readline().split()[0], process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=PATIENCE)
        if process.poll() is None:
            process.kill()
            process.communicate()


class Seen(NamedTuple):
    """Something on the page: its text, and its box in CSS pixels."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


SEEN = """
const [selector, inside] = arguments;
const seen = (it) => {
  const { left, top, right, bottom } = it.getBoundingClientRect();
  return [(it.innerText ?? it.textContent).trim(), left, top, right, bottom];
};
return [...document.querySelectorAll(selector)].map(
  (each) => (inside === ":scope" ? [each] : [...each.querySelectorAll(inside)]).map(seen));
"""


class Page:
    """The page as somebody sees it who types, clicks and reads."""

    def __init__(self, driver: Chrome, address: str) -> None:
        self.driver = driver
        self.address = address

    def load(self) -> None:
        """Load it anew, and wait until it can be used."""
        self.driver.get(self.address)
        self.until(lambda: self.status == "Nothing to judge yet")

    def until(self, holds: Any) -> Any:
        """Wait until something holds that the page comes to by itself, be it drawn anew meanwhile."""
        wait = WebDriverWait(self.driver, PATIENCE, 0.05, ignored_exceptions=[StaleElementReferenceException])
        return wait.until(lambda _: holds())

    def find(self, selector: str) -> WebElement:
        """The one element."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        """All elements."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def seen(self, selector: str, inside: str = ":scope") -> list[list[Seen]]:
        """Text and box of what is inside of each element, all of one moment, as the page may draw itself anew."""
        return [[Seen(*each) for each in found] for found in self.run(SEEN, selector, inside)]

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of a script."""
        return self.driver.execute_script(script, *arguments)

    def ask(self, command: str, **parameters: Any) -> Any:
        """A command of the Chrome DevTools Protocol."""
        return self.driver.execute_cdp_cmd(command, parameters)

    def complaints(self) -> list[str]:
        """What the console says since it was asked last: exceptions, what was not found, what a policy forbids."""
        said = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [each["message"] for each in said if each["level"] not in ("INFO", "DEBUG")]

    @property
    def status(self) -> str:
        """What the live region says."""
        return str(self.run("return document.getElementById('status').textContent"))

    def write(self, text: str, where: str = "text") -> None:
        """Put a text into an area in place of what is there, as pasting does."""
        self.run("const area = document.getElementById(arguments[0]); area.focus(); area.select()", where)
        self.ask("Input.insertText", text=text)

    def choose(self, tab: str) -> None:
        """Open a tab."""
        self.find(f"#{tab}-tab").click()

    def size(self, width: int, height: int) -> None:
        """Make the page so large, be it smaller than a window can be."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, name: str) -> None:
        """Prefer `light` or `dark`."""
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])


@contextlib.contextmanager
def browser(address: str) -> Iterator[Page]:
    """Chromium without a screen. Nothing is downloaded: both programs are the machine's."""
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,800", "--lang=en"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = ChromeService(str(DRIVER), log_output=subprocess.DEVNULL, env={**os.environ, "SE_OFFLINE": "true"})
    driver = Chrome(options=options, service=service)
    driver.set_script_timeout(PATIENCE)
    driver.set_page_load_timeout(PATIENCE)
    try:
        yield Page(driver, address)
    finally:
        driver.quit()
