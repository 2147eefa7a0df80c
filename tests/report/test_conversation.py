"""What is written for the script of the dialogue browser."""

from __future__ import annotations

import numpy as np

from ariigcn_dgl.report.conversation import Answer, Conversation, Utterance, browser_data


def test_a_tiny_dialogue() -> None:
    talk = Conversation("d", [Utterance("u1", "Ann", "joy"), Utterance("u2", "Bob")])
    answer = Answer(
        np.array([[0.75, 0.25], [0.12345, 0.87655]], np.float32),
        sources=[np.array([0]), np.array([0, 1])],
        attention={"text": [np.array([1.0]), np.array([0.25, 0.75])]},
        without={"text": np.array([[0.5, 0.5], [0.25, 0.75]])},
    )
    data = browser_data(["joy", "anger"], [talk], {"run": [answer]}, {"run": True})
    assert data["colours"] == [0, 3]
    assert data["labels"] == ["joy", "anger"]
    assert [u["label"] for u in data["dialogues"][0]["utterances"]] == [0, None]
    assert data["runs"] == [
        {
            "name": "run",
            "calibrated": True,
            "answers": [
                {
                    "probabilities": [[0.75, 0.25], [0.123, 0.877]],
                    "predictions": [0, 1],
                    "unsure": [],
                    "sources": [[0], [0, 1]],
                    "attention": {"text": [[1.0], [0.25, 0.75]]},
                    "without": {"text": [[0.5, 0.5], [0.25, 0.75]]},
                }
            ],
        }
    ]


def test_prediction_is_that_of_the_probabilities_before_rounding() -> None:
    talk = Conversation("d", [Utterance("u", "Ann")])
    answer = Answer(np.array([[0.49996, 0.50004]]))
    data = browser_data(["a", "b"], [talk], {"": [answer]})
    assert data["runs"][0]["answers"][0]["predictions"] == [1]
