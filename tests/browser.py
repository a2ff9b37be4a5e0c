"""Chromium, as a reader's browser: opens a file, tells what it asked the network for and what its console said."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --disable-default-apps --hide-scrollbars --disable-dev-shm-usage""".split()

WIDTHS = (390, 1280)
SCHEMES = ("light", "dark")


@contextmanager
def open_browser(profile: Path) -> Iterator[Browser]:
    """Start Chromium with a profile of its own; skips the test where it is not installed."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no chromium with chromedriver here: apt-get install chromium chromium-driver")
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    os.environ["SE_OFFLINE"] = "true"  # Selenium must not look for a browser on the network
    options = ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    browser = Chrome(options=options, service=ChromeService(driver))
    try:
        yield Browser(browser)
    finally:
        browser.quit()


class Browser:
    """One tab."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def show(self, page: Path, *, width: int, scheme: str) -> None:
        """Open a page as on a screen of that width, in light or dark."""
        self.driver.get_log("performance")
        self.driver.get_log("browser")
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        self.driver.get(page.as_uri())

    def ask(self, script: str) -> Any:
        return self.driver.execute_script(f"return {script.strip()}")

    def requested(self) -> set[str]:
        """Addresses that the page asked for, its own and those inside it (data:) aside; not what the browser's own page did."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        asked = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
        page = self.driver.current_url
        urls = {each["request"]["url"] for each in asked if each["documentURL"] == page}
        assert page in urls, "the network log does not show the page itself: it would show nothing else either"
        return {url for url in urls if url != page and not url.startswith("data:")}

    def complaints(self) -> list[str]:
        """What the console said: errors, blocked requests, warnings."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def save_picture(self, path: Path) -> None:
        """Take a picture of the whole page, for people to look at."""
        height = min(self.ask("document.documentElement.scrollHeight"), 12_000)
        width = self.ask("window.innerWidth")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        path.write_bytes(self.driver.get_screenshot_as_png())


CONTRAST = """
(() => {
  const number = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const page = element => {
    for (; element; element = element.parentElement) {
      const colour = number(getComputedStyle(element).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const element of document.body.querySelectorAll('*')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || element.classList.contains('hidden') || element.closest('title')) continue;
    const style = getComputedStyle(element);
    const text = number(element instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [light(text), light(page(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) low.push([element.tagName, element.className, element.textContent.trim().slice(0, 30), ratio.toFixed(2)]);
  }
  return low;
})()
"""
"""Elements with text whose contrast with what is behind them is below that of WCAG 2 AA for text of any size."""
