"""Who speaks: community files hold the sex or the order of appearance, seldom the person."""

from __future__ import annotations

from ariigcn_dgl.data.community.numbers import whole
from ariigcn_dgl.data.community.published import IEMOCAP_ID
from ariigcn_dgl.data.community.raw import RawDialogue, RawSet

_SEXES = {"M", "F"}


def name_speakers(raw: RawSet) -> dict[str, list[str]]:
    """Return a name of each utterance's speaker, one name for one person, and note how.

    IEMOCAP's ten actors are known by session and sex. Elsewhere 'M', 'F' or a number says something
    within the dialogue only, so speakers of different dialogues are kept apart.
    """
    if raw.named:
        return {key: list(dialogue.speakers or []) for key, dialogue in raw.dialogues.items()}
    found = {name for d in raw.dialogues.values() for name in d.speakers or ["?"]}
    sexes = found <= _SEXES
    if sexes and all(map(IEMOCAP_ID.match, raw.dialogues)):
        raw.notes.append(
            "speakers are given by sex ('M', 'F'), which is not a person; as every IEMOCAP session "
            "has one woman and one man, they are named by session and sex (Ses01_F, ...)"
        )
        return {
            key: [f"{key[:5]}_{s}" for s in d.speakers or ()] for key, d in raw.dialogues.items()
        }
    raw.notes.append(_how(raw, sexes, found))
    return {key: _within(key, dialogue) for key, dialogue in raw.dialogues.items()}


def _within(key: str, dialogue: RawDialogue) -> list[str]:
    names = dialogue.speakers or ["?"] * len(dialogue.labels)
    return [f"{key}:{name}" for name in names]


def _how(raw: RawSet, sexes: bool, found: set[str]) -> str:
    if found == {"?"}:
        return "the file does not say who speaks: every dialogue has one speaker of its own"
    kept = "so speakers are kept apart by dialogue"
    if sexes:
        return f"speakers are given by sex ('M', 'F'), which is not a person, {kept}"
    numbers = all(whole(name) is not None for name in found)
    if numbers and all(_in_order(d.speakers or []) for d in raw.dialogues.values()):
        return f"speakers are numbered by their order of appearance in each dialogue, {kept}"
    return f"speakers are told apart within a dialogue only, {kept}"


def _in_order(names: list[str]) -> bool:
    return [int(name) for name in dict.fromkeys(names)] == list(range(len(set(names))))
