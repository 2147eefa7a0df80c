"""The colours of emotions, the same in reports, timelines and figures; and those of series.

Found by a search that keeps the emotions of every known data set apart for any colour vision, on
white and on black: at least 20 apart in CIELAB as normal eyes, protanopes, deuteranopes and
tritanopes see them (`tests/test_palette.py`). Cells and legends name their class all the same.
"""

from __future__ import annotations

from collections.abc import Sequence

# Each emotion's colour on a light and on a dark page. Its place is its slot, --class-N of a page.
EMOTIONS = {
    "joy": ("#d3c300", "#face25"),
    "sadness": ("#0f6bf0", "#76a5fd"),
    "neutral": ("#707679", "#a9a4a4"),
    "anger": ("#d94213", "#ff8b64"),
    "excitement": ("#f19a70", "#945139"),
    "frustration": ("#6d226b", "#d800ae"),
    "surprise": ("#69c3d3", "#00fbff"),
    "fear": ("#9856b0", "#8644f1"),
    "disgust": ("#084d26", "#b8f1b8"),
    "peace": ("#20cf8e", "#2d6f51"),
    "power": ("#fe93d4", "#bc0091"),
}


def _mixed(colour: str, end: int, share: float) -> str:
    parts = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{round((1 - share) * part + share * end):02x}" for part in parts)


# Where there are more classes than emotions: all colours once more, brighter, then darker. Two of
# one hue are not as far apart as emotions are, but further than two of one colour.
def _with_shades(colours: Sequence[str]) -> tuple[str, ...]:
    brighter = [_mixed(colour, 255, 0.55) for colour in colours]
    darker = [_mixed(colour, 0, 0.45) for colour in colours]
    return (*colours, *brighter, *darker)


LIGHT, DARK = (_with_shades(column) for column in zip(*EMOTIONS.values(), strict=True))

# What data sets call them; sentiments are joy and sadness, which every eye tells apart.
_CALLED = {
    "joy": ("happy", "happiness", "joyful", "hap", "positive"),
    "sadness": ("sad", "negative"),
    "neutral": ("neu", "no emotion", "no_emotion", "other", "others"),
    "anger": ("angry", "ang", "mad"),
    "excitement": ("excited", "exc"),
    "frustration": ("frustrated", "fru"),
    "surprise": ("surprised", "sur", "surprising"),
    "fear": ("fearful", "scared", "fea", "worried"),
    "disgust": ("disgusted", "dis"),
    "peace": ("peaceful", "relaxed", "calm"),
    "power": ("powerful",),
}
_EMOTION = {name: emotion for emotion, names in _CALLED.items() for name in (emotion, *names)}

# Slots of what is no emotion (seeds, runs, modalities, other classes), in the order they are given
# out: the first eight are as far apart as emotions are.
_ORDER = ("sadness", "excitement", "frustration", "joy", "disgust", "surprise", "anger", "fear")
SERIES = tuple(list(EMOTIONS).index(name) for name in (*_ORDER, "neutral", "peace", "power"))


def slots(label_names: Sequence[str]) -> list[int]:
    """Return the slot of each class; names of no known emotion get those that are left.

    Beyond as many as there are emotions they are shades of the same colours, which repeat when
    these are used up, too.

    Parameters
    ----------
    label_names : sequence of str
        Classes of a data set, as it calls them.

    Examples
    --------
    >>> slots(["happy", "sad", "angry"]), slots(["ANGER", "odd"])
    ([0, 1, 3], [3, 1])
    """
    places = list(EMOTIONS)
    found: dict[int, int] = {}
    for place, name in enumerate(label_names):
        emotion = _EMOTION.get(name.strip().casefold())
        if emotion is not None and places.index(emotion) not in found.values():
            found[place] = places.index(emotion)
    count = len(EMOTIONS)
    every = [slot + first for first in range(0, len(LIGHT), count) for slot in SERIES]
    left = [slot for slot in every if slot not in found.values()]
    others = [place for place in range(len(label_names)) if place not in found]
    found |= {place: left[k % len(left)] for k, place in enumerate(others)}
    return [found[place] for place in range(len(label_names))]


def style() -> str:
    """Return the colours as variables of a page, in light and in dark; print is light."""
    light, dark = (
        "".join(f"--class-{slot}:{colour};" for slot, colour in enumerate(colours))
        for colours in (LIGHT, DARK)
    )
    return f":root{{{light}}}\n@media screen and (prefers-color-scheme: dark){{:root{{{dark}}}}}\n"
