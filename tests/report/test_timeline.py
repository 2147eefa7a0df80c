"""The page of one labelled conversation."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from ariigcn_dgl.data.targets import TargetSpec
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.report import Utterance, timeline_html
from ariigcn_dgl.training.target_answers import TargetAnswers

LABELS = ("joy", "anger")
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def talk(times: bool = True) -> list[Utterance]:
    one = Utterance("1", "Ann", text="Hello!", modalities=("text",))
    two = Utterance("2", "Bob", text="What?")
    if not times:
        return [one, two]
    return [replace(one, start=0.0, end=1.5), replace(two, start=1.2, end=4.0)]


def page(utterances: list[Utterance], **options: object) -> str:
    probabilities = np.full((len(utterances), 2), [0.9, 0.1])
    return timeline_html(utterances, probabilities, LABELS, title="talk.mp4", **options)


def embedded(html: str) -> dict:
    return json.loads(re.search(r'id="browser-data">(.*?)</script>', html)[1])


def test_utterances_and_probabilities_are_in_the_page() -> None:
    data = embedded(page(talk(), notes=["Seed 1."]))
    (dialogue,) = data["dialogues"]
    assert data["labels"] == ["joy", "anger"]
    assert dialogue["speakers"] == ["Ann", "Bob"]
    assert dialogue["utterances"][1] == {
        "name": "2",
        "speaker": 1,
        "label": None,
        "start": 1.2,
        "end": 4.0,
        "text": "What?",
        "modalities": [],
        "when": "",
    }
    assert data["runs"][0]["answers"][0]["probabilities"] == [[0.9, 0.1], [0.9, 0.1]]
    assert data["runs"][0]["answers"][0]["predictions"] == [0, 0]


SCORE = TargetSpec("label", "regression", ("score",), -3.0, 3.0)
CUES = TargetSpec("cues", "multilabel", ("laugh", HOSTILE))


def test_a_score_is_a_line_within_its_range_and_labels_are_rows() -> None:
    said = [
        TargetAnswers(SCORE, np.array([[3.0], [-3.0]]), np.array([[0.0], [np.nan]])),
        TargetAnswers(CUES, np.array([[0.75, 0.1], [0.25, 0.6]]), np.array([[1, 0], [0, 1]])),
    ]
    html = timeline_html(talk(False), np.zeros((2, 0)), (), title="talk", targets=said)
    assert 'd="M135.0 10.0L199.0 122.0"' in html  # from one end of the range to the other
    assert "fill-opacity:0.75;stroke:var(--ink)" in html  # known to hold
    assert "fill-opacity:0.25;stroke:var(--line)" in html
    assert "2 utterances. Score: 0.00 on average, from -3.00 to +3.00. Cues: 1 laugh, 1 " in html
    assert "<td>+3.00</td>" in html
    assert "1 · Ann “Hello!”: score +3.00, true 0.00" in html
    assert "<img" not in html


def test_other_targets_stand_below_the_emotions() -> None:
    html = page(talk(), targets=[TargetAnswers(SCORE, np.array([[1.0], [-0.5]]))])
    assert embedded(html)["runs"][0]["answers"][0]["predictions"] == [0, 0]
    assert "2 utterances: 2 joy. Score: +0.25 on average, from -0.50 to +1.00.</p>" in html
    assert "<td>-0.50</td>" in html


def test_what_is_left_open_has_no_prediction() -> None:
    html = page(talk(), left_open=np.array([True, False]))
    assert embedded(html)["runs"][0]["answers"][0]["predictions"] == [None, 0]


def test_emotions_are_counted_in_a_sentence() -> None:
    html = page(talk(), left_open=np.array([True, False]))
    assert '<p class="finding">2 utterances: 1 joy, 1 left open.</p>' in html


def test_what_is_unsure_is_marked_and_counted() -> None:
    probabilities = np.array([[0.4996, 0.5004], [0.4, 0.6], [0.45, 0.55]])
    html = timeline_html(
        [Utterance(name, "Ann") for name in "abc"],
        probabilities,
        LABELS,
        title="talk",
        unsure=0.58,
        left_open=np.array([False, False, True]),
    )
    assert embedded(html)["unsure"] == 0.58
    assert embedded(html)["runs"][0]["answers"][0]["unsure"] == [0]
    assert "3 utterances: 2 anger, 1 left open; 1 of them unsure.</p>" in html


def test_probability_is_held_against_the_bound_before_it_is_rounded() -> None:
    html = timeline_html(
        [Utterance("1", "Ann")],
        np.array([[0.50004, 0.49996]]),
        LABELS,
        title="talk",
        unsure=0.50006,
    )
    assert embedded(html)["runs"][0]["answers"][0]["unsure"] == [0]


@pytest.mark.parametrize("bound", [-0.1, 1.1, float("nan")])
def test_bound_that_is_no_share_is_refused(bound: float) -> None:
    with pytest.raises(InputError, match=r"bound of unsure is .*, expected a share, 0 to 1"):
        page(talk(), unsure=bound)


def test_date_of_a_message_is_kept() -> None:
    data = embedded(page([Utterance("1", "Ann", text="Hi", when="3.4.2024, 18:05")]))
    assert data["dialogues"][0]["utterances"][0]["when"] == "3.4.2024, 18:05"


@pytest.mark.parametrize(
    ("url", "element"), [("a%20%221%22.mp4", "video"), ("../a.WAV", "audio"), ("a", "video")]
)
def test_recording_is_played_from_beside_the_page(url: str, element: str) -> None:
    html = page(talk(), recording=url)
    assert f'<{element} class="player" data-part="player" controls' in html
    assert f' src="{url}"' in html
    assert "; media-src 'self' file:\">" in html


def test_page_without_a_recording_may_play_nothing() -> None:
    assert "media-src" not in page(talk())
    assert 'data-part="player"' not in page(talk())


def test_page_says_whether_probabilities_are_calibrated() -> None:
    found = [embedded(page(talk(), calibrated=one))["runs"][0] for one in (True, False, None)]
    assert [run["calibrated"] for run in found] == [True, False, None]


def test_title_and_notes_are_shown() -> None:
    html = page(talk(), notes=["Seed 1."])
    assert ">talk.mp4</h1>" in html
    assert '<p class="lead">Seed 1.</p>' in html


def test_hostile_text_stays_text() -> None:
    utterances = [Utterance(HOSTILE, HOSTILE, text=HOSTILE)]
    html = timeline_html(utterances, np.ones((1, 1)), [HOSTILE], title=HOSTILE, notes=[HOSTILE])
    assert "<img" not in html
    assert "<script>alert" not in html
    assert html.count("</script>") == 3  # of the data, of the colours for paper, of the script
    assert embedded(html)["dialogues"][0]["utterances"][0]["text"] == HOSTILE


def test_page_asks_for_nothing_outside_itself() -> None:
    html = page(talk())
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!data:)|url\(|@import""", html)
    assert "default-src 'none'" in html


@pytest.mark.parametrize(
    ("utterances", "reason"),
    [
        ([], "there is no utterance to show"),
        ([talk()[0], talk(times=False)[1]], "some utterances have times, others have not"),
        ([Utterance("1", "Ann", start=2.0)], "some utterances have times, others have not"),
        ([Utterance("1", "Ann", start=2.0, end=1.0)], "utterance '1' lasts from 2.0 to 1.0 s"),
        ([Utterance("1", "Ann", start=0.0, end=float("nan"))], "lasts from 0.0 to nan s"),
    ],
)
def test_impossible_conversation_is_refused(utterances: list[Utterance], reason: str) -> None:
    with pytest.raises(InputError, match=re.escape(reason)):
        page(utterances)


@pytest.mark.parametrize(
    "probabilities", [np.ones((1, 2)), np.ones((2, 3)), np.full((2, 2), np.nan)]
)
def test_probabilities_that_do_not_fit_are_refused(probabilities: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"talk: expected finite probabilities of shape \(2, 2\)"):
        timeline_html(talk(), probabilities, LABELS, title="talk")
