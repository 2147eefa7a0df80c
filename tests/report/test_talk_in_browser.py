"""The page of one conversation in a real browser: the recording, what is unsure, each speaker."""

from __future__ import annotations

import re
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ariigcn_dgl.data.targets import TargetSpec
from ariigcn_dgl.report import Utterance, timeline_html
from ariigcn_dgl.training.target_answers import TargetAnswers

PHONE = 390
LABELS = ["joy", "fear", "anger"]
OpenPage = Callable[..., Any]
pytestmark = [pytest.mark.browser, pytest.mark.slow]


def talk(count: int = 6) -> list[Utterance]:
    return [
        Utterance(str(n), ("Ann", "Bob")[n % 2], None, float(n), n + 0.8, f"Sentence {n}.")
        for n in range(count)
    ]


def write(folder: Path, utterances: list[Utterance], **options: Any) -> Path:
    probabilities = np.full((len(utterances), 3), [0.7, 0.2, 0.1])
    probabilities[1::3] = [0.3, 0.45, 0.25]
    path = folder / "talk.html"
    path.write_text(
        timeline_html(utterances, probabilities, LABELS, title="talk", **options), encoding="utf-8"
    )
    return path


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Write 6 s of two tones in turn."""
    time = np.arange(6 * 8000) / 8000
    tone = np.sin(2 * np.pi * np.where(time % 2 < 1, 220, 330) * time)
    path = tmp_path / "talk 1#.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((8000 * tone).astype("<i2").tobytes())
    return path


def test_choosing_an_utterance_goes_to_it_in_the_recording(
    visit: OpenPage, recording: Path, tmp_path: Path
) -> None:
    page = visit(write(tmp_path, talk(), recording="talk%201%23.wav"))
    time = "document.querySelector('audio').currentTime"
    page.click('[data-part="table"] tbody tr:nth-child(3)')
    assert page.evaluate(time) == 2.0
    page.click('.cell[data-utterance="3"]')
    page.keyboard.press("ArrowRight")
    assert page.evaluate(time) == 4.0


def test_space_plays_and_what_is_spoken_is_marked(
    visit: OpenPage, recording: Path, tmp_path: Path
) -> None:
    *others, last = talk(3)
    last = replace(last, end=60.0)  # still spoken when the recording ends, however late we look
    page = visit(write(tmp_path, [*others, last], recording="talk%201%23.wav"))
    page.evaluate("document.querySelector('audio').playbackRate = 4")
    page.click('.cell[data-utterance="1"]')
    page.keyboard.press(" ")
    page.wait_for_selector('tr.speaking[data-utterance="2"]')
    assert page.locator('.cell.selected.speaking[data-utterance="2"]').count() == 1
    assert page.evaluate("document.activeElement === document.querySelector('.cell.selected')")
    paused = "document.querySelector('audio').paused"
    before = page.evaluate(paused)
    page.keyboard.press(" ")
    assert page.evaluate(paused) is not before
    left = "document.querySelector('.track > .playhead').getBoundingClientRect().left"
    first = page.locator('.cell[data-utterance="1"]').bounding_box()
    assert page.evaluate(left) > first["x"]


def test_recording_that_is_gone_is_said_and_all_else_works(visit: OpenPage, tmp_path: Path) -> None:
    message = "Failed to load resource: net::ERR_FILE_NOT_FOUND"
    page = visit(write(tmp_path, talk(), recording="../gone.mp4"), PHONE, message=message)
    page.wait_for_selector('[data-part="silent"]:visible')
    assert "gone.mp4 is not where this page was made to find it" in page.inner_text(".recording")
    assert not page.is_visible("video")
    page.click('.cell[data-utterance="2"]')
    assert page.inner_text("blockquote") == "Sentence 2."
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE


def test_video_without_pictures_is_a_bar_of_controls(
    visit: OpenPage, recording: Path, tmp_path: Path
) -> None:
    recording.rename(tmp_path / "talk.mp4")
    page = visit(write(tmp_path, talk(), recording="talk.mp4"), PHONE)
    page.wait_for_selector("video.sound")
    assert page.locator("video").bounding_box()["height"] < 60


def test_what_is_unsure_is_hatched_and_named(visit: OpenPage, tmp_path: Path) -> None:
    page = visit(write(tmp_path, talk(), unsure=0.5))
    unsure = page.locator(".cell.unsure")
    assert unsure.evaluate_all("all => all.map(one => one.dataset.utterance)") == ["4", "1"]
    style = unsure.first.evaluate("one => getComputedStyle(one).backgroundImage")
    assert "repeating-linear-gradient" in style
    assert unsure.first.get_attribute("aria-label").endswith("predicted fear 45 %, unsure")
    assert "hatched: unsure, below 50 %" in page.inner_text('[data-part="legend"]')
    assert page.locator("td:has-text('unsure')").count() == 2
    unsure.first.click()
    assert "unsure: below 50 %" in page.inner_text(".detail .verdict")


def test_chat_has_dates_and_no_seconds(visit: OpenPage, tmp_path: Path) -> None:
    chat = [Utterance(str(n), "Ann", text="Hi", when="3 April, 6 pm") for n in range(1, 7)]
    page = visit(write(tmp_path, chat), PHONE)
    text = page.inner_text("body")
    assert text.count("3 April, 6 pm") == 7  # of every row, and of the chosen one
    assert not re.search(r"\d:\d\d|\d s\b", text)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE


def test_speakers_have_shares_and_bands_and_the_ninth_is_folded_away(
    visit: OpenPage, tmp_path: Path
) -> None:
    names = ["Ann", "Ann", *"BCDEFGHIJ"]
    page = visit(write(tmp_path, [Utterance(name, name) for name in names]), PHONE)
    assert page.locator(".speaker").count() == 8
    ann = page.locator(".speaker").first
    assert ann.locator(".shares .chip").all_inner_texts() == ["joy 50 %", "fear 50 %"]
    assert ann.locator("path[data-class]").count() == 3
    page.click("text=2 more speakers")
    page.locator(".speaker:visible").nth(9).wait_for()


def test_folded_speakers_are_printed_too_and_folded_again(visit: OpenPage, tmp_path: Path) -> None:
    page = visit(write(tmp_path, [Utterance(name, name) for name in "ABCDEFGHIJ"]))
    for event, shown in (("beforeprint", 10), ("afterprint", 8)):
        page.evaluate(f"dispatchEvent(new Event('{event}'))")
        assert page.locator(".speaker").count() == shown
        assert page.locator(".speakers details").evaluate("one => one.open") == (shown == 10)


def test_pointing_at_a_band_says_its_name_and_number(visit: OpenPage, tmp_path: Path) -> None:
    page = visit(write(tmp_path, [Utterance("1", "Ann", None, 0.0, 4.0)]))
    box = page.locator(".stream").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 70)
    assert page.locator(".readout:visible").text_content() == "joy 70 % at 0:02"
    page.mouse.move(box["x"], box["y"] - 100)
    assert not page.is_visible(".readout")


SCORE = TargetSpec("label", "regression", ("score",), -3.0, 3.0)


def test_a_point_of_a_score_goes_to_its_utterance_in_the_recording(
    visit: OpenPage, recording: Path, tmp_path: Path
) -> None:
    said, path = TargetAnswers(SCORE, np.linspace(-3, 3, 6)[:, None]), tmp_path / "talk.html"
    where = {"title": "talk", "recording": "talk%201%23.wav", "targets": [said]}
    path.write_text(timeline_html(talk(), np.zeros((6, 0)), (), **where), encoding="utf-8")
    page = visit(path, PHONE, ready="circle")
    page.click('circle[data-place="2"]')
    page.wait_for_selector('tr.speaking[data-place="2"]')
    assert page.evaluate("document.querySelector('audio').currentTime") == 2.0
    assert page.locator(".speaking").count() == 2  # the point and the row
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE


def test_a_point_beside_emotions_chooses_its_utterance(visit: OpenPage, tmp_path: Path) -> None:
    said = TargetAnswers(SCORE, np.linspace(-3, 3, 6)[:, None])
    page = visit(write(tmp_path, talk(), targets=[said]))
    page.click('circle[data-place="4"]')
    assert page.inner_text("blockquote") == "Sentence 4."
