"""A page that shows one labelled conversation as a timeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.report.conversation import Answer, Conversation, Utterance, browser_data
from ariigcn_dgl.report.page import render


def timeline_html(
    utterances: Sequence[Utterance],
    probabilities: np.ndarray,
    label_names: Sequence[str],
    *,
    title: str,
    notes: Sequence[str] = (),
    left_open: np.ndarray | None = None,
    calibrated: bool | None = None,
) -> str:
    """Return a page, one HTML file that opens offline, with the emotions of a conversation.

    Parameters
    ----------
    utterances : sequence of Utterance, length T
        In order of speaking. With ``start`` and ``end`` of all of them the timeline is in seconds,
        without any it counts utterances. Text of any kind is safe: it is escaped.
    probabilities : (T, C) array
        Class probabilities of each utterance.
    label_names : sequence of str, length C
    title : str
        Heading, e.g. the name of the video.
    notes : sequence of str
        One sentence each, shown under the heading: which run, which modalities were used ...
    left_open : (T,) bool array, optional
        Utterances that are shown without an emotion: what said it was not sure enough.
    calibrated : bool, optional
        Whether a temperature was chosen for the probabilities: the page says so, or that they are
        likely surer than they are right; nothing where it is not known.

    Returns
    -------
    str
        To be written as UTF-8.

    Raises
    ------
    InputError
        If there is no utterance, some have times and others do not, a time is impossible, or the
        probabilities do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> talk = [Utterance("1", "Ann", start=0.0, end=1.5, text="Hello!")]
    >>> page = timeline_html(talk, np.array([[0.9, 0.1]]), ["joy", "anger"], title="talk.mp4")
    >>> page.startswith("<!doctype html>"), "Hello!" in page
    (True, True)
    """
    conversation = Conversation(title, utterances)
    expected = (len(utterances), len(label_names))
    if np.shape(probabilities) != expected or not np.isfinite(probabilities).all():
        raise InputError(
            f"{title}: expected finite probabilities of shape {expected}, got an array of shape "
            f"{np.shape(probabilities)}"
        )
    answers = {"": [Answer(np.asarray(probabilities), left_open=left_open)]}
    known = None if calibrated is None else {"": calibrated}
    data = browser_data(label_names, [conversation], answers, known)
    timed = utterances[0].start is not None
    return render(
        "timeline.html",
        title=title,
        finding=_finding(answers[""][0].predictions, label_names),
        notes=list(notes),
        timed=timed,
        browser=data,
    )


def _finding(predictions: Sequence[int | None], label_names: Sequence[str]) -> str:
    """Return "3 utterances: 2 joy, 1 left open."."""
    counts = Counter(predictions)
    unsure = counts.pop(None, 0)
    parts = [
        f"{count} {label_names[label]}"
        for label, count in counts.most_common()
        if label is not None
    ]
    parts += [f"{unsure} left open"] if unsure else []
    total = len(predictions)
    return f"{total} utterance{'s'[: total > 1]}: {', '.join(parts)}."
