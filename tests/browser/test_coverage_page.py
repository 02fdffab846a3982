# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The coverage page in Chromium: it asks nobody, its filters and columns work, and it can be read without them.

With AKS_BACKUP_SCREENSHOTS, the name of a folder, pictures of it are left there to be looked at.
"""

from __future__ import annotations

import os
import pathlib

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from tests.emulator import Emulator
from tests.harness import task
from tests.harness.fleets import CONDITIONS, Fleet, large_fleet

HOSTILE = {"bare": {"<script>window.broken=1</script>": "\"'><img src=x onerror=window.broken=1>"}}


@pytest.fixture(scope="module")
def emulator():
    with Emulator(speed=1) as running:
        yield running


def written(fleet: Fleet, folder: pathlib.Path) -> pathlib.Path:
    page = folder / "coverage.html"
    limits = [{"reason": "unprotected"}]
    options = {"output": {"html": str(page)}, "fail_on": limits}
    fleet.subscription.play([{**task("report", "aks_backup_coverage_info", **options), "ignore_errors": True}]).ok()
    return page


@pytest.fixture(scope="module")
def small(emulator, tmp_path_factory):
    """A fleet with one cluster in each condition, and its page."""
    fleet = Fleet(emulator, {name.replace("_", "-"): how for name, how in CONDITIONS.items()}, tags=HOSTILE)
    return fleet, written(fleet, tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def large(emulator, tmp_path_factory):
    """A thousand clusters, and their page."""
    fleet = large_fleet(emulator, 1000)
    return fleet, written(fleet, tmp_path_factory.mktemp("large"))


def shown(browser) -> list[str]:
    """The names of the clusters that can be seen, from the top."""
    return browser.script(
        "return Array.from(document.querySelectorAll('#clusters tbody tr')).filter(row => row.offsetParent)"
        ".map(row => row.cells[0].firstChild.textContent)"
    )


def choose(browser, name: str, value: str) -> None:
    Select(browser.driver.find_element(By.ID, name)).select_by_value(value)


def told(browser) -> str:
    return browser.driver.find_element(By.ID, "told").text


def picture(browser, name: str) -> None:
    if folder := os.environ.get("AKS_BACKUP_SCREENSHOTS"):
        browser.driver.save_screenshot(str(pathlib.Path(folder) / f"{name}.png"))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_asks_nobody_and_complains_of_nothing(browser, small, dark):
    _fleet, page = small
    browser.open(page, dark=dark)
    assert browser.logs() == ([], [])
    assert browser.script("return window.broken") is None
    assert not browser.driver.find_elements(By.TAG_NAME, "img")
    background = browser.script("return getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(20, 24, 29)" if dark else "rgb(255, 255, 255)")
    assert "Violated thresholds" in browser.driver.find_element(By.TAG_NAME, "main").text
    picture(browser, f"small-{'dark' if dark else 'light'}")


def test_the_policy_of_the_page_stops_what_is_not_ours(browser, small, tmp_path):
    """Were something to slip through after all."""
    _fleet, page = small
    broken = tmp_path / "broken.html"
    slipped = "<main><script>window.broken=1</script><img src='http://127.0.0.1:9/x'><b onclick='window.broken=1'>b</b>"
    broken.write_text(page.read_text().replace("<main>", slipped))
    browser.open(broken)
    browser.driver.find_element(By.TAG_NAME, "b").click()
    console, _asked = browser.logs()
    assert browser.script("return window.broken") is None and len(console) >= 2
    assert all("Content Security Policy" in line for line in console)


def test_filters(browser, small):
    fleet, page = small
    browser.open(page)
    everything = sorted(fleet.conditions)
    assert (
        sorted(shown(browser)) == everything
        and told(browser) == f"{len(everything)} of {len(everything)} clusters shown"
    )
    for state in {how.state for how in fleet.conditions.values()}:
        choose(browser, "state", state)
        assert sorted(shown(browser)) == sorted(name for name, how in fleet.conditions.items() if how.state == state)
    choose(browser, "state", "")
    for reason in ("rpo_missed", "extension_failed"):
        choose(browser, "reason", reason)
        assert sorted(shown(browser)) == sorted(name for name, how in fleet.conditions.items() if reason in how.found)
    choose(browser, "state", "protected")
    assert sorted(shown(browser)) == ["ailing-extension"] and told(browser).startswith("1 of ")
    choose(browser, "state", "")
    choose(browser, "reason", "")
    choose(browser, "region", "eastus")
    here = shown(browser)
    assert 0 < len(here) < len(everything)
    choose(browser, "region", "")
    field = browser.driver.find_element(By.ID, "text")
    field.send_keys("UserErrorMissing  GATEWAY")
    assert shown(browser) == []
    field.clear()
    field.send_keys("the gateway", Keys.ENTER)
    assert shown(browser) == ["shut-out"]
    field.clear()
    field.send_keys(" ")
    assert sorted(shown(browser)) == everything and browser.logs() == ([], [])


def test_columns_sort_with_the_keyboard_too(browser, small):
    fleet, page = small
    browser.open(page)
    buttons = browser.driver.find_elements(By.CSS_SELECTOR, "#clusters thead button")
    assert [button.text for button in buttons] == [
        "Cluster", "Region", "State", "Last good backup", "Vault and policy", "Findings",
    ]  # fmt: skip
    buttons[0].send_keys(Keys.ENTER)
    assert shown(browser) == sorted(fleet.conditions)
    buttons[0].send_keys(Keys.ENTER)
    assert shown(browser) == sorted(fleet.conditions, reverse=True)
    heads = browser.driver.find_elements(By.CSS_SELECTOR, "#clusters thead th")
    assert [head.get_attribute("aria-sort") for head in heads] == ["descending", None, None, None, None, None]
    buttons[3].click()
    ages = [fleet.conditions[name] for name in shown(browser)]
    without = [how.state == "unprotected" or how.point is None for how in ages]
    assert without == sorted(without)
    assert heads[0].get_attribute("aria-sort") is None


def test_it_can_be_read_without_scripts(browser, small):
    fleet, page = small
    browser.open(page, scripts=False)
    text = browser.driver.find_element(By.TAG_NAME, "main").text
    assert all(name in text for name in fleet.conditions)
    assert not browser.driver.find_element(By.ID, "filter").is_displayed()
    assert not browser.driver.find_elements(By.CSS_SELECTOR, "#clusters thead button")
    picture(browser, "small-without-scripts")


@pytest.mark.parametrize("width", [380, 1300])
def test_it_fits_the_window(browser, small, width):
    """Wide tables scroll in a frame of their own; the page does not."""
    _fleet, page = small
    browser.open(page)
    browser.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    try:
        assert browser.script("return document.documentElement.scrollWidth") <= width
        picture(browser, f"small-{width}")
    finally:
        browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_thousand_clusters(browser, large):
    fleet, page = large
    assert page.stat().st_size < 2_000_000
    browser.open(page)
    assert told(browser) == "1000 of 1000 clusters shown"
    choose(browser, "state", "unprotected")
    found = shown(browser)
    assert sorted(found) == sorted(name for name, how in fleet.conditions.items() if how.state == "unprotected")
    choose(browser, "state", "")
    browser.driver.find_element(By.ID, "text").send_keys("aks-0999")
    assert shown(browser) == ["aks-0999"]
    assert browser.logs() == ([], []) and browser.script("return window.broken") is None
    browser.driver.find_element(By.ID, "text").clear()
    strokes = browser.driver.find_elements(By.CSS_SELECTOR, "svg[role=img] line title")
    assert len(strokes) == sum(how.state != "unprotected" for how in fleet.conditions.values())
    picture(browser, "large")
