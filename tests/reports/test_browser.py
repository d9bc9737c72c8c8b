"""The page in headless Chromium: it complains of nothing, plays, marks the text as it is heard, and fits a phone."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.storage import open_store
from reports import ScoredRow, report_link, write_evaluation
from tests.reports.test_evaluation import TOTALS

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium (the 'dev' extra)")
CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
if not (CHROMIUM and DRIVER):
    pytest.skip("needs chromium and chromedriver (apt-get install chromium-driver)", allow_module_level=True)

pytestmark = pytest.mark.xdist_group("browser")
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --autoplay-policy=no-user-gesture-required --mute-audio"
)
PLAYED = "return [...document.querySelectorAll('audio')].reduce((most, audio) => Math.max(most, audio.currentTime), 0)"
MARKED = "return document.querySelector('.now-heard')?.textContent"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def pages(library: Path) -> dict[str, str]:
    """The links of the page about rows and books, and of one about an evaluation."""
    store = open_store(library)
    write_evaluation([ScoredRow("a", ["one", "two"], ["one", "too"], 1)], TOTALS, store, "evaluation.html")
    return {name: report_link(store, f"{name}.html") for name in ("books", "evaluation")}


def view(browser: Any, link: str, width: int = 1200, scheme: str = "light") -> None:
    """Open a page in a window of some width, with the system's colours."""
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.get(link)
    browser.execute_script("try { localStorage.clear() } catch {}; delete document.documentElement.dataset.theme")


def until(holds: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Return what ``holds`` returns once that is something."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def play_button(browser: Any, name: str) -> Any:
    return browser.find_element("xpath", f"//button[starts-with(@aria-label, 'P') and contains(@aria-label, '{name}')]")


@pytest.fixture
def quiet(browser: Any) -> Iterator[None]:
    """After the test the console has nothing to say."""
    browser.get_log("browser")
    yield
    assert browser.get_log("browser") == []


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", ["books", "evaluation"])
def test_pages_fit_a_phone_and_follow_the_systems_colours(browser: Any, pages: dict[str, str], name: str) -> None:
    colours = []
    for scheme in ("light", "dark"):
        view(browser, pages[name], 375, scheme)
        assert browser.execute_script("return document.documentElement.scrollWidth") == 375
        colours.append(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
    assert colours[0] != colours[1]
    chart = browser.execute_script("return getComputedStyle(document.querySelector('svg .fill-accent')).fill")
    assert chart == "rgb(98, 201, 189)"  # the accent in the dark
    browser.find_element("id", "theme").click()
    until(lambda: browser.execute_script("return getComputedStyle(document.body).backgroundColor") == colours[0])


@pytest.mark.usefixtures("quiet")
def test_a_row_plays_and_its_text_is_marked(browser: Any, pages: dict[str, str]) -> None:
    view(browser, pages["books"])
    button = play_button(browser, "row cut")
    button.send_keys(" ")
    first = until(lambda: browser.execute_script(MARKED))
    second = until(lambda: (found := browser.execute_script(MARKED)) != first and found)
    assert (first, second) == ("This one was cut off ", "at its longest length.")
    assert browser.execute_script(PLAYED) > 0.9
    until(lambda: button.get_attribute("aria-label") == "Play row cut")  # it has ended
    assert browser.execute_script(MARKED) is None


@pytest.mark.usefixtures("quiet")
def test_strangers_texts_do_nothing(browser: Any, pages: dict[str, str]) -> None:
    view(browser, pages["books"])
    assert browser.execute_script("return window.hacked") is None
    assert browser.execute_script("return document.images.length") == 0
    assert browser.execute_script("return document.scripts.length") == 1


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(("book", "kind"), [(0, "a file beside the page"), (1, "one file for all chapters")])
def test_a_chapter_plays_from_where_it_begins(browser: Any, pages: dict[str, str], book: int, kind: str) -> None:
    view(browser, pages["books"])
    chapter = browser.find_elements("css selector", ".book")[book].find_elements("css selector", ".chapter")[1]
    browser.execute_script("arguments[0].click()", chapter.find_element("css selector", ".play"))
    assert until(lambda: browser.execute_script(MARKED)) == "Sentence 2 of it.", kind
    until(lambda: browser.execute_script(MARKED) == "Sentence 3 of it.")
    assert chapter.find_element("css selector", "details").get_attribute("open")
    slider = chapter.find_element("css selector", "input")
    assert 1.5 < float(slider.get_attribute("value")) < 3.5


@pytest.mark.usefixtures("quiet")
def test_the_keyboard_is_enough(browser: Any, pages: dict[str, str]) -> None:
    view(browser, pages["books"])
    focused = "return document.activeElement.getAttribute('aria-label')"
    play_button(browser, "Chapter 0").send_keys("\ue015")  # down
    assert browser.execute_script(focused) == "Play Chapter 1"
    browser.switch_to.active_element.send_keys("\ue013")  # up
    assert browser.execute_script(focused) == "Play Chapter 0"
    browser.switch_to.active_element.send_keys("\ue004")  # tab
    assert browser.execute_script(focused) == "Position in Chapter 0"
    slider = browser.switch_to.active_element
    slider.send_keys("\ue014" * 20)  # right
    assert slider.get_attribute("aria-valuetext") == "0:01 of 0:04"
    assert browser.execute_script("return getComputedStyle(document.activeElement.parentElement).outlineStyle") == "solid"


def test_pages_fit_a_phone_even_when_texts_have_no_spaces(browser: Any, tmp_path: Path) -> None:
    row = ScoredRow("x" * 500, ["w" * 3_000, "b"], ["v" * 3_000, "b"], 1)
    write_evaluation([row], TOTALS, open_store(tmp_path), "page.html", title="t" * 300)
    view(browser, report_link(open_store(tmp_path), "page.html"), 375)
    assert browser.execute_script("return document.documentElement.scrollWidth") == 375
