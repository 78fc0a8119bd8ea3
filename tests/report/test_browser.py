"""The page in a real browser, from file://: what is listed, where a click leads, mending, keys, and no network."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from tests.report import made as scene
from tracker.commands.main import main
from tracker.io.mot import read_results, write_results
from tracker.report import write_report
from tracker.rows import Rows, as_rows

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Open = Callable[..., "Page"]
READY = "html[data-ready]"


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Opens a page; at the end nothing may have been logged but what holds ``may``, nothing thrown or fetched."""
    said: list[str] = []
    contexts = []
    expected = ""

    def opened(path: Path, address: str = "", may: str = "", **options: Any) -> Page:
        nonlocal expected
        expected = may
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(90_000)  # a CI machine may stand still for a while
        page.on("console", lambda line: said.append(f"console: {line.text}"))
        page.on("pageerror", lambda error: said.append(f"thrown: {error}"))
        page.on(
            "request",
            lambda asked: (
                None if asked.url.startswith(("file:", "data:", "blob:")) else said.append(f"asked {asked.url}")
            ),
        )
        page.goto(path.resolve().as_uri() + address)
        page.wait_for_selector(READY)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [line for line in said if not expected or expected not in line] == []


@pytest.fixture(scope="module")
def report(made: Path) -> Path:
    """The page of the made run, with ground truth and without."""
    write_report(made, made.parent / "blind.html")
    return write_report(made, made.parent / "report.html", gt=made.parent / "gt.txt")


def needs_films(browser: Browser) -> None:
    """Skip where no video can be written, or played."""
    pytest.importorskip("av", reason="needs PyAV to write a video that browsers play")
    page = browser.new_page()
    plays = page.evaluate("""() => document.createElement("video").canPlayType('video/mp4; codecs="avc1.42E01E"')""")
    page.close()
    if not plays:
        pytest.skip("needs a browser that plays H.264")


def shown(page: Page) -> int:
    """The number in the pixels of the video, as the screen shows them."""
    page.evaluate("for (const one of document.querySelectorAll('.stage canvas')) one.style.visibility = 'hidden'")
    data = page.locator(".stage video").first.screenshot()
    page.evaluate("for (const one of document.querySelectorAll('.stage canvas')) one.style.visibility = ''")
    return scene.number_in(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))


def settled(page: Page, frame: int) -> None:
    page.wait_for_function("(frame) => document.querySelector('.stage').dataset.shown === String(frame)", arg=frame)


def heads(page: Page) -> list[str]:
    return page.locator(".entry .head").all_inner_texts()


def test_the_list_has_the_worst_first_and_names_the_switches(report: Path, open_page: Open) -> None:
    page = open_page(report)
    kinds = [row.get_attribute("data-kind") for row in page.locator(".entry").all()]
    assert kinds[:2] == ["switch", "switch"]
    assert "switch" not in kinds[2:]
    assert heads(page)[:2] == ["id 3 became 4", "id 1 became 5"]
    assert page.locator(".entry[aria-selected=true] .head").inner_text() == "id 3 became 4"
    assert "2 switches" in page.locator("#facts").inner_text()
    assert "Proved" in page.locator("#details .verdict").inner_text()


def test_the_first_switch_its_reason_and_its_frame_stand_on_the_first_screen(report: Path, open_page: Open) -> None:
    page = open_page(report)
    details = page.locator("#details")
    assert details.locator("h2").inner_text() == "id 3 became 4"
    assert "At frame 21 4 took the object's box, which 3 wanted too." in details.locator(".reason").inner_text()
    assert page.locator("#frame").input_value() == "21"
    assert [one.inner_text().split() for one in details.locator(".look .cap").all()] == [
        ["before", "id", "3,", "frame", "20"],
        ["after", "id", "4,", "frame", "21"],
    ]
    for picture in details.locator(".look img").all():
        assert picture.evaluate("(img) => img.complete && img.naturalWidth > 10")


def test_rows_come_out_of_the_page_as_they_are_in_the_file(made: Path, report: Path, open_page: Open) -> None:
    page = open_page(report)
    values = page.evaluate(
        """() => { const t = app.runs[0].rows; return [...t.frame].map((f, r) =>
        [f, t.ids[t.trackOf[r]], ...t.box(r), t.score[r] / 100]) }"""
    )
    rows = read_results(made / "tracks.txt").by_track()
    found = np.array(values)
    assert found[:, 0].tolist() == rows.frames.tolist()
    assert found[:, 1].tolist() == rows.ids.tolist()
    assert np.abs(found[:, 2:6] - rows.boxes).max() <= 0.125
    assert np.abs(found[:, 6] - rows.scores).max() <= 0.005 + 1e-9


def test_a_click_leads_to_the_frame(report: Path, open_page: Open, browser: Browser) -> None:
    needs_films(browser)
    page = open_page(report)
    settled(page, 21)
    assert shown(page) == 21
    page.locator(".look.old").first.click()
    settled(page, 20)
    assert shown(page) == 20
    page.locator(".entry").nth(1).click()
    settled(page, 42)
    assert shown(page) == 42


@pytest.mark.parametrize("uneven", [False, True])
def test_every_seek_shows_its_frame(uneven: bool, tmp_path: Path, open_page: Open, browser: Browser) -> None:
    needs_films(browser)
    steps = np.where(np.arange(scene.LENGTH) % 3 == 0, 0.25, 0.04)
    times = np.concatenate(([0.0], np.cumsum(steps)[:-1])).tolist() if uneven else None
    run = scene.write_run(tmp_path / "made", times=times)
    page = open_page(write_report(run, tmp_path / "page.html"), "#f=7")
    for frame in [7, 1, 2, 3, 60, 59, 31, 32, 33, 10, 11, 50, 49, 21, 5, 44, 16]:
        page.locator("#frame").fill(str(frame))
        page.locator("#frame").dispatch_event("change")
        settled(page, frame)
        assert shown(page) == frame


def test_keys_step_play_and_choose(report: Path, open_page: Open) -> None:
    page = open_page(report, "#f=10")
    frame = page.locator("#frame")
    press = page.keyboard.press
    press("ArrowRight")
    assert frame.input_value() == "11"
    press("Shift+ArrowLeft")
    assert frame.input_value() == "1"
    press("End")
    assert frame.input_value() == "60"
    press("j")
    assert page.locator(".entry[aria-selected=true] .head").inner_text() == "id 3 became 4"
    press("j")
    assert page.locator(".entry[aria-selected=true] .head").inner_text() == "id 1 became 5"
    press("n")
    assert page.locator("#details h2").inner_text().startswith("id ")
    assert page.locator("#details .kicker").inner_text() == "Track"
    press("Escape")
    assert page.locator("#details h2").inner_text() == "id 1 became 5"
    press("2")
    assert page.locator("#charts").is_visible()
    press("1")
    press("g")
    assert page.locator("[data-layer=truth]").get_attribute("aria-pressed") == "true"
    press("?")
    assert page.locator("#help").is_visible()
    press("Escape")
    page.locator("#help").wait_for(state="hidden")
    press("Home")
    page.wait_for_function("() => !document.querySelector('video')?.seeking")
    press("Space")
    assert page.locator("#play").inner_text() == "Pause"
    try:
        page.wait_for_function("() => Number(document.getElementById('frame').value) > 3")
    except Exception:  # on a busy machine the browser may decode nothing for long; from a pause it begins anew
        press("Space")
        press("Space")
        page.wait_for_function("() => Number(document.getElementById('frame').value) > 3")
    press("Space")
    at = frame.input_value()
    page.wait_for_timeout(300)
    assert frame.input_value() == at


def test_the_address_says_what_is_looked_at(report: Path, open_page: Open) -> None:
    page = open_page(report, "#f=31&id=2")
    assert page.locator("#frame").input_value() == "31"
    assert page.locator("#details h2").inner_text() == "id 2"
    page.locator(".entry").nth(1).click()
    frame = page.locator("#frame").input_value()
    page.wait_for_function("() => location.hash.includes('e=1')")
    assert page.evaluate("location.hash") == f"#f={frame}&e=1"
    page.evaluate("location.hash = '#f=12&id=2&v=run'")
    page.wait_for_function("() => document.getElementById('frame').value === '12'")
    assert page.locator("#run").is_visible()


def mended_by(page: Page, track: int, frame: int, form: int, *values: int) -> None:
    """Fill in and send a form of a track's: merge, swap, split, rename or delete."""
    page.evaluate("(place) => set({ track: place[0], frame: place[1] })", [track, frame])
    page.locator(".forms summary").click()
    own = page.locator(".forms form").nth(form)
    for k, value in enumerate(values):
        own.locator("input").nth(k).fill(str(value))
    own.locator("button").click()


def test_what_was_mended_in_the_page_is_replayed(made: Path, report: Path, open_page: Open, tmp_path: Path) -> None:
    page = open_page(report)
    page.locator(".entry").nth(1).click()
    page.locator("#mend").click()
    mended_by(page, 2, 30, 2)
    mended_by(page, 2, 30, 3, 40)
    mended_by(page, 3, 10, 1, 40)
    mended_by(page, 4, 10, 4, 50, 70)
    page.keyboard.press("4")
    assert page.locator("ol.edits li").count() == 5
    with page.expect_download() as caught:
        page.locator("#download").click()
    edits = tmp_path / "edits.json"
    caught.value.save_as(edits)
    assert [one["op"] for one in json.loads(edits.read_text())["edits"]] == [
        "merge",
        "split",
        "rename",
        "swap",
        "delete",
    ]
    assert main(["refine", str(made), "--edits", str(edits), "-o", str(tmp_path / "out"), "--quiet"]) == 0
    mended = read_results(tmp_path / "out" / "tracks.txt").by_track()
    known = page.evaluate(
        "() => { const t = app.runs[0].rows; return [...t.frame].map((f, r) => [f, t.ids[t.trackOf[r]], ...t.box(r)]) }"
    )
    assert [row[:2] for row in known] == np.column_stack([mended.frames, mended.ids]).tolist()
    assert np.abs(np.array(known)[:, 2:] - mended.boxes).max() <= 0.125
    assert not (mended.ids == 5).any()


def test_a_file_of_edits_is_done_again(report: Path, open_page: Open, tmp_path: Path) -> None:
    page = open_page(report)
    page.keyboard.press("4")
    edits = {
        "version": 1,
        "source": "street.mp4",
        "edits": [{"op": "rename", "id": 2, "to": 9, "where": []}, {"op": "melt"}],
    }
    (tmp_path / "edits.json").write_text(json.dumps(edits))
    page.locator("#load").set_input_files(tmp_path / "edits.json")
    page.get_by_text("1 edit of 2 did not fit.").wait_for()
    assert page.evaluate("() => [...app.runs[0].rows.ids]") == [1, 3, 4, 5, 9]
    page.locator("#load").set_input_files({"name": "x.json", "mimeType": "application/json", "buffer": b"{"})
    page.get_by_text("x.json is no JSON.").wait_for()


def test_undo_takes_back_what_was_mended(report: Path, open_page: Open) -> None:
    page = open_page(report)
    ids = "() => [...app.runs[0].rows.ids]"
    before = page.evaluate(ids)
    page.locator(".entry").nth(1).click()
    page.locator("#mend").click()
    assert page.evaluate(ids) == [id for id in before if id != 5]
    page.keyboard.press("Control+z")
    assert page.evaluate(ids) == before


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        ("EDITS.merge(app.runs[0], 2, 3)", "are both in frame"),
        ("EDITS.split(app.runs[0], 2, 1)", "no rows on both sides"),
        ("EDITS.rename(app.runs[0], 2, 3)", "There is an id 3 already"),
        ("EDITS.delete(app.runs[0], 2, 900, 990)", "has no rows in frames 900 to 990"),
    ],
)
def test_what_cannot_be_mended_is_refused(edit: str, why: str, report: Path, open_page: Open) -> None:
    page = open_page(report)
    rows = "() => [...app.runs[0].rows.trackOf]"
    before = page.evaluate(rows)
    page.evaluate(f"mend(app.runs[0], {edit})")
    assert why in page.locator(".toast").inner_text()
    assert page.evaluate(rows) == before
    assert page.evaluate("app.runs[0].edits.list.length") == 0


def test_two_runs_beside_each_other(made: Path, tmp_path: Path, open_page: Open) -> None:
    folder = made.parent
    other = tmp_path / "other"
    other.mkdir()
    rows = read_results(made / "tracks.txt")
    write_results(other / "tracks.txt", as_rows(rows.frames, np.where(rows.ids == 5, 1, rows.ids), rows.boxes))
    (other / "run.json").write_text((made / "run.json").read_text())
    page = open_page(write_report(made, tmp_path / "two.html", other=other, gt=folder / "gt.txt"))
    assert page.locator(".stage").count() == 2
    assert heads(page)[0] == "1 + 5 here, 1 there"
    page.keyboard.press("a")
    assert heads(page)[0] == "1 here, 1 + 5 there"
    page.keyboard.press("3")
    assert page.locator("tr.differ").count() > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 800])
def test_it_is_accessible_and_nothing_sticks_out(scheme: str, width: int, report: Path, open_page: Open) -> None:
    axe: Any = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    page = open_page(report, color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True)
    for view in "1234":
        page.keyboard.press(view)
        found = axe.Axe().run(page).response["violations"]
        assert [one for one in found if one["impact"] in ("serious", "critical")] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.keyboard.press("1")
    page.evaluate("set({ track: 2 })")
    found = axe.Axe().run(page).response["violations"]
    assert [one for one in found if one["impact"] in ("serious", "critical")] == []


def test_the_switch_of_light_and_dark(report: Path, open_page: Open) -> None:
    page = open_page(report, color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.keyboard.press("t")
    assert page.evaluate(ground) != dark
    page.keyboard.press("t")
    assert page.evaluate(ground) == dark


def test_hostile_names_are_text(made: Path, tmp_path: Path, open_page: Open) -> None:
    run = tmp_path / "run"
    run.mkdir()
    evil = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=1>"
    facts = json.loads((made / "run.json").read_text())
    facts["source"]["name"] = evil
    facts["algorithm"]["name"] = evil
    facts["detector"] = {evil: evil}
    (run / "run.json").write_text(json.dumps(facts))
    (run / "tracks.txt").write_text((made / "tracks.txt").read_text())
    page = open_page(write_report(run, tmp_path / "page.html"))
    assert page.locator("#title").inner_text() == evil
    page.keyboard.press("3")
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x]").count() == 0


def test_a_moved_video_is_said(made: Path, tmp_path: Path, open_page: Open, browser: Browser) -> None:
    needs_films(browser)
    video = tmp_path / "street.mp4"
    video.write_bytes((made.parent / "street.mp4").read_bytes())
    report = write_report(made, tmp_path / "page.html", video=video)
    video.unlink()
    page = open_page(report, may="ERR_FILE_NOT_FOUND")
    said = page.locator(".stage .said")
    said.wait_for()
    assert "street.mp4 cannot be played: it was moved" in said.inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator(".stage").get_attribute("data-shown") == page.locator("#frame").input_value()


@pytest.mark.parametrize("rows", [0, 47_000])
def test_few_and_many_rows_open(rows: int, tmp_path: Path, open_page: Open) -> None:
    write_results(tmp_path / "tracks.txt", many(rows))
    page = open_page(write_report(tmp_path, tmp_path / "page.html"))
    assert page.evaluate("app.runs[0].rows.length") == rows
    notes = page.locator("#notes").inner_text()
    assert "There is no log" in notes
    assert ("The run has no tracks." in notes) == (rows == 0)
    page.keyboard.press("End")
    page.locator(".lanes").evaluate("(one) => (one.scrollTop = one.scrollHeight)")
    page.keyboard.press("2")


def many(rows: int) -> Rows:
    """Rows of tracks of 200 frames each, 45 at a time."""
    number = np.arange(rows)
    track, step = number // 200, number % 200
    frame = 1 + (track // 45) * 200 + step
    left = 20.0 + (track % 45) * 40 + step
    boxes = np.column_stack([left, 50 + left / 9, left + 30, 130 + left / 9])
    return as_rows(frame, track + 1, boxes, np.full(rows, 0.9))
