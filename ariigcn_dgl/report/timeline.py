"""A page that shows one labelled conversation as a timeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.report.conversation import Answer, Conversation, Utterance, browser_data
from ariigcn_dgl.report.page import render
from ariigcn_dgl.report.player import as_player
from ariigcn_dgl.report.target_charts import reaches_of, view
from ariigcn_dgl.training.target_answers import TargetAnswers


def timeline_html(
    utterances: Sequence[Utterance],
    probabilities: np.ndarray,
    label_names: Sequence[str],
    *,
    title: str,
    notes: Sequence[str] = (),
    left_open: np.ndarray | None = None,
    calibrated: bool | None = None,
    recording: str | None = None,
    unsure: float | None = None,
    targets: Sequence[TargetAnswers] = (),
) -> str:
    """Return a page, one HTML file that opens offline, with the emotions of a conversation.

    Numbers and labels beside the classes, or in their place, are lines and rows over the
    utterances. The page is for a phone as for a desk: blocks in rows of speakers, what is known
    about the chosen one, a curve of each speaker, all that was said; and a player where there is a
    recording.

    Parameters
    ----------
    utterances : sequence of Utterance, length T
        In order of speaking. With ``start`` and ``end`` of all of them the timeline is in seconds,
        without any it counts utterances. Text of any kind is safe: it is escaped.
    probabilities : (T, C) array
        Class probabilities of each utterance.
    label_names : sequence of str, length C
        None where there are other targets.
    title : str
        Heading, e.g. the name of the video.
    notes : sequence of str
        One sentence each, shown under the heading: which run, which modalities were used ...
    left_open : (T,) bool array, optional
        Utterances that are shown without an emotion: what said it was not sure enough.
    calibrated : bool, optional
        Whether a temperature was chosen for the probabilities: the page says so, or that they are
        likely surer than they are right; nothing where it is not known.
    recording : str, optional
        Where the sound or video file lies as seen from the page, as a URL (`url_beside`): the page
        plays it. Where the file is gone or the browser cannot play it, the page says so.
    unsure : float, optional
        Utterances whose class is less probable than this look unsure, a legend says the bound, and
        the sentence on top counts them. Those left open are not among them.
    targets : sequence of TargetAnswers
        What is said of the utterances for each target beside classes.

    Returns
    -------
    str
        To be written as UTF-8.

    Raises
    ------
    InputError
        If there is no utterance, some have times and others do not, a time is impossible, the
        probabilities do not fit, ``unsure`` is no share, or ``recording`` names another machine.

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
    if unsure is not None and not 0 <= unsure <= 1:
        raise InputError(f"{title}: the bound of unsure is {unsure}, expected a share, 0 to 1")
    about = {
        "title": title,
        "notes": list(notes),
        "recording": None if recording is None else as_player(recording),
        "view": view(conversation, targets, reaches_of(targets)) if targets else None,
    }
    other = [f"{one.title[:1].upper()}{one.title[1:]}: {one.summed_up()}." for one in targets]
    if targets and not label_names:
        count = len(utterances)
        finding = " ".join([f"{count} utterance{'s'[: count > 1]}.", *other])
        return render("timeline_targets.html", finding=finding, browser=None, **about)
    answer = Answer(np.asarray(probabilities), left_open=left_open)
    known = None if calibrated is None else {"": calibrated}
    count = 0 if unsure is None else int(answer.unsure(unsure).sum())
    return render(
        "timeline.html",
        finding=" ".join([_finding(answer.predictions, label_names, count), *other]),
        timed=utterances[0].start is not None,
        unsure=unsure,
        browser=browser_data(label_names, [conversation], {"": [answer]}, known, unsure),
        **about,
    )


def _finding(predictions: Sequence[int | None], label_names: Sequence[str], unsure: int) -> str:
    """Return "3 utterances: 2 joy, 1 left open; 1 of them unsure."."""
    counts = Counter(predictions)
    left_open = counts.pop(None, 0)
    parts = [
        f"{count} {label_names[label]}"
        for label, count in counts.most_common()
        if label is not None
    ]
    parts += [f"{left_open} left open"] if left_open else []
    total = len(predictions)
    doubt = f"; {unsure} of them unsure" if unsure else ""
    return f"{total} utterance{'s'[: total > 1]}: {', '.join(parts)}{doubt}."
