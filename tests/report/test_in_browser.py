"""The pages in a real browser: Chromium without a window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.palette import LIGHT, SERIES
from ariigcn_dgl.report import Utterance, timeline_html
from ariigcn_dgl.report.report import report_html
from ariigcn_dgl.report.run_files import read_run

PHONE, DESKTOP = 390, 1440
SCHEMES = ("light", "dark")
OpenPage = Callable[..., Any]
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(
    two_seeds: Path, train: Callable, dialogues: Dialogues, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a report of AR-IIGCN and of a system without attention over a graph."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    folders = [two_seeds, train("mlp")]
    runs = [read_run(one.name, sorted(one.glob("seed*"))) for one in folders]
    path.write_text(report_html(runs, dialogues), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the timeline of a video."""
    path = tmp_path_factory.mktemp("talk") / "talk.html"
    lines = ["Where have you been?", "<script>document.title = 'pwned'</script>", "Fine."]
    utterances = [
        Utterance(str(n), ("Ann", "Bob")[n % 2], None, 3.0 * n, 3.0 * n + 2, lines[n % 3])
        for n in range(30)
    ]
    probabilities = np.random.default_rng(0).dirichlet(np.ones(3), 30)
    html = timeline_html(utterances, probabilities, ["joy", "fear", "anger"], title="talk.mp4")
    path.write_text(html, encoding="utf-8")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("name", ["report", "talk"])
def test_fits_the_width(
    visit: OpenPage, request: pytest.FixtureRequest, name: str, width: int, scheme: str
) -> None:
    page = visit(request.getfixturevalue(name), width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.slow
@pytest.mark.parametrize("name", ["report", "talk"])
def test_colours_follow_the_scheme(
    visit: OpenPage, request: pytest.FixtureRequest, name: str
) -> None:
    path = request.getfixturevalue(name)
    luminance = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[1]"
    light, dark = (visit(path, scheme=scheme).evaluate(luminance) for scheme in SCHEMES)
    assert light > 200
    assert dark < 60


@pytest.mark.slow
def test_pointing_at_an_utterance_draws_its_attention(visit: OpenPage, report: Path) -> None:
    page = visit(report)
    page.hover('[data-utterance="4"]')
    sources = page.eval_on_selector_all(".arcs path", "all => all.map(p => +p.dataset.source)")
    assert sources == [1, 2, 3, 4, 5, 6]  # three back, two ahead, itself
    faded = page.eval_on_selector_all(".cell.unseen", "all => all.map(c => +c.dataset.utterance)")
    assert not set(faded) & set(sources)
    assert 0 in faded
    page.hover("#dialogues h2")
    sources = page.eval_on_selector_all(".arcs path", "all => all.map(p => +p.dataset.source)")
    assert sources == [0, 1, 2]  # of the chosen one again


@pytest.mark.slow
def test_arcs_are_those_of_the_chosen_modality(visit: OpenPage, report: Path) -> None:
    page = visit(report)
    widths = "all => all.map(p => p.getAttribute('stroke-width'))"
    text = page.eval_on_selector_all(".arcs path", widths)
    page.click('[data-part="attention"] label:has-text("audio")')
    assert page.eval_on_selector_all(".arcs path", widths) != text


@pytest.mark.slow
def test_clicking_an_utterance_shows_what_moved_it(visit: OpenPage, report: Path) -> None:
    page = visit(report)
    page.click('[data-utterance="3"]')
    detail = page.inner_text('[data-part="detail"]')
    assert "4 of " in detail
    for modality in ("text", "audio", "visual"):
        assert f"without {modality}" in detail
    assert page.locator(".detail .box").count() == 4


@pytest.mark.slow
def test_arrow_keys_go_along_the_dialogue(visit: OpenPage, report: Path) -> None:
    page = visit(report)
    page.focus(".cell.selected")
    for key, place in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("Home", 0)):
        page.keyboard.press(key)
        assert page.evaluate("+document.activeElement.dataset.utterance") == place
    page.keyboard.press("End")
    last = page.locator(".cell").count() - 1
    assert page.get_attribute(".cell.selected", "data-utterance") == str(last)
    assert page.locator('.cell[tabindex="0"]').count() == 1


@pytest.mark.slow
def test_every_dialogue_can_be_chosen(visit: OpenPage, report: Path, dialogues: Dialogues) -> None:
    page = visit(report)
    lengths = dialogues.lengths[dialogues.indices("test")]
    for choice, length in enumerate(lengths):
        page.select_option('[data-part="dialogue"]', str(choice))
        assert page.locator(".cell").count() == length
        assert page.locator("[data-part=table] tbody tr").count() == length
    page.click('[data-part="previous"]')
    assert page.locator(".cell").count() == lengths[-2]


def test_next_mistake_is_one(visit: OpenPage, report: Path) -> None:
    page = visit(report)
    page.click('[data-part="mistake"]')
    assert "wrong" in page.get_attribute(".cell.selected", "class")


@pytest.mark.slow
def test_system_without_attention_says_so(visit: OpenPage, report: Path) -> None:
    page = visit(report)
    assert not page.is_visible('[data-part="without"]')
    page.select_option('[data-part="run"]', "1")
    assert page.is_visible('[data-part="without"]')
    page.hover('[data-utterance="4"]')
    assert page.locator(".arcs path").count() == 0
    assert page.locator(".cell.unseen").count() == 0


@pytest.mark.slow
def test_spaces_change_projection_and_colours(visit: OpenPage, report: Path) -> None:
    page = visit(report)
    assert page.locator(".cloud:visible").count() == 5  # four of AR-IIGCN, one of the MLP
    assert page.locator(".cloud.tsne.by-class:visible").count() == 5
    page.check('[name="projection"][value="pca"]')
    page.check('[name="by"][value="modality"]')
    assert page.locator(".cloud:visible").count() == 3
    assert page.locator(".cloud.pca.by-modality:visible").count() == 3


@pytest.mark.slow
def test_hostile_names_do_not_run(visit: OpenPage, report: Path, talk: Path) -> None:
    for path in (report, talk):
        page = visit(path)
        assert page.title() != "pwned"
        assert page.locator("img").count() == 0
    assert "<script>" in page.inner_text('[data-part="table"]')


def test_blocks_last_as_long_as_their_utterances(visit: OpenPage, talk: Path) -> None:
    page = visit(talk)
    boxes = [page.locator(f'[data-utterance="{n}"]').first.bounding_box() for n in (0, 1)]
    scale = (boxes[1]["x"] - boxes[0]["x"]) / 3  # px a second
    assert boxes[0]["width"] == pytest.approx(2 * scale - 2, abs=1)
    assert boxes[1]["y"] > boxes[0]["y"]  # a row for each speaker


def test_pauses_leave_blocks_room_for_letters(visit: OpenPage, tmp_path: Path) -> None:
    utterances = [Utterance(str(n), "Ann", None, 30.0 * n, 30.0 * n + 2) for n in range(60)]
    html = timeline_html(utterances, np.full((60, 2), [0.8, 0.2]), ["joy", "fear"], title="film")
    (tmp_path / "film.html").write_text(html, encoding="utf-8")
    assert set(visit(tmp_path / "film.html").locator(".cell").all_inner_texts()) == {"joy"}


def test_text_is_shown_and_rows_can_be_chosen(visit: OpenPage, talk: Path) -> None:
    page = visit(talk, PHONE)
    page.click('[data-part="table"] tbody tr:nth-child(3)')
    assert page.inner_text("blockquote") == "Fine."
    assert page.get_attribute(".cell.selected", "data-utterance") == "2"


@pytest.mark.slow
def test_long_conversation_opens(visit: OpenPage, tmp_path: Path) -> None:
    utterances = [Utterance(str(n), f"speaker {n % 3}", text="word " * 8) for n in range(3000)]
    probabilities = np.full((3000, 3), [0.5, 0.3, 0.2])
    html = timeline_html(utterances, probabilities, ["a", "b", "c"], title="long")
    (tmp_path / "long.html").write_text(html, encoding="utf-8")
    page = visit(tmp_path / "long.html", PHONE)
    page.focus(".cell.selected")
    page.keyboard.press("End")
    assert page.get_attribute(".cell.selected", "data-utterance") == "2999"
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE


def test_what_is_left_open_has_a_question_mark_and_its_confidence(
    visit: OpenPage, tmp_path: Path
) -> None:
    utterances = [Utterance(name, "Ann", text=name) for name in ("one", "two")]
    probabilities, left_open = np.array([[0.6, 0.4], [0.9, 0.1]]), np.array([True, False])
    (tmp_path / "open.html").write_text(
        timeline_html(utterances, probabilities, ["a", "b"], title="open", left_open=left_open)
    )
    page = visit(tmp_path / "open.html")
    assert page.locator(".cell").all_inner_texts() == ["?", "a"]
    assert (
        page.locator(".cell").first.get_attribute("aria-label") == "1: Ann, “one”, left open 60 %"
    )
    assert page.inner_text(".detail .verdict").strip() == "left open"
    assert "left open" in page.inner_text("table")


@pytest.mark.slow
def test_picture_is_saved_as_a_file_of_its_own_in_light_colours(
    visit: OpenPage, report: Path
) -> None:
    page = visit(report, scheme="dark")
    figure = page.locator('[data-figure="classes"]').first
    figure.hover()
    with page.expect_download() as download:
        figure.locator("button.save").click()
    assert download.value.suggested_filename == "classes.svg"
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert text.startswith('<svg xmlns="http://www.w3.org/2000/svg"') or "xmlns=" in text[:400]
    assert "var(--" not in text
    assert LIGHT[SERIES[0]] in text


@pytest.mark.slow
def test_example_of_a_mistake_opens_its_dialogue(visit: OpenPage, report: Path) -> None:
    page = visit(report)
    page.evaluate("document.querySelectorAll('details.run').forEach(one => one.open = true)")
    example = page.locator("button.example").first
    dialogue, place = (example.get_attribute(f"data-{name}") for name in ("dialogue", "place"))
    example.click()
    assert page.input_value('[data-part="dialogue"]') == dialogue
    assert page.get_attribute(".cell.selected", "data-utterance") == place
    assert "wrong" in page.get_attribute(".cell.selected", "class")


def test_table_of_a_timeline_is_whole_on_a_phone(visit: OpenPage, talk: Path) -> None:
    page = visit(talk, PHONE)
    box = page.locator(".transcript .scroll")
    assert box.evaluate("one => one.scrollWidth - one.clientWidth") == 0


@pytest.mark.slow
def test_paper_has_the_names_of_runs_and_cuts_no_table(visit: OpenPage, report: Path) -> None:
    page = visit(report)
    page.emulate_media(media="print")
    assert page.locator(".run > summary:visible").count() == page.locator(".run > summary").count()
    cut = "all => all.map(one => getComputedStyle(one).overflowX)"
    assert set(page.eval_on_selector_all(".scroll", cut)) == {"visible"}
