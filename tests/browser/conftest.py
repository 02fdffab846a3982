# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless Chromium that reports every request and every line on its console."""

from __future__ import annotations

import json
import pathlib
import shutil

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

# Nothing of a browser's own that would go to the network, and a profile that goes away with it.
SWITCHES = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--window-size=1300,1500",
)  # fmt: skip


class Browser:
    """One window of Chromium. ``driver`` is selenium's."""

    def __init__(self, profile: pathlib.Path) -> None:
        programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
        assert all(programs.values()), "Chromium is missing: apt-get install chromium chromium-driver"
        options = Options()
        options.binary_location = str(programs["chromium"])
        for switch in (*SWITCHES, f"--user-data-dir={profile}"):
            options.add_argument(switch)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(str(programs["chromedriver"])))

    def open(self, page: pathlib.Path, dark: bool = False, scripts: bool = True) -> None:
        command = self.driver.execute_cdp_cmd
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        command("Emulation.setEmulatedMedia", {"features": [scheme]})
        command("Emulation.setScriptExecutionDisabled", {"value": not scripts})
        self.logs()
        self.driver.get(page.as_uri())

    def logs(self) -> tuple[list[str], list[str]]:
        """What the console said since last asked, and the addresses that were asked for, less the page's own."""
        console = [entry["message"] for entry in self.driver.get_log("browser")]
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        asked = [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]
        return console, [url for url in asked if not url.startswith(("file:", "data:"))]

    def script(self, text: str, *arguments):
        return self.driver.execute_script(text, *arguments)


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    made = Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.driver.quit()
