"""How a sentence becomes one vector, as the folder of a sentence encoder says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ariigcn_dgl.errors import InputError

# "mean": over the tokens of the last layer; "first": its first token; "cls": the first token, mean
# of the last four layers, as COSMIC's features are often used.
Pooled = Literal["mean", "first", "cls"]
Pooling = Literal["auto", "mean", "first", "cls"]
MODULES, SETTINGS, PROMPTS = (
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
)
_MODES = {
    "pooling_mode_cls_token": "first",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


CURLY = "‘’“”"
_STRAIGHT = str.maketrans(CURLY, "''\"\"")


@dataclass(frozen=True)
class Recipe:
    """How a sentence becomes one vector.

    Parameters
    ----------
    pooling : {"mean", "first", "cls"}
    normalise : bool
        Whether vectors are divided by their Euclidean length.
    max_tokens : int or None
        More are cut off; None: as many as the encoder takes.
    lower_case : bool
        Whether the text is made lower case first.
    prompt : str
        Put before each text.
    straight_quotes : bool
        Whether typographic apostrophes and quotes are made straight ones first, because the words
        that were extracted with it had no others.
    """

    pooling: Pooled = "mean"
    normalise: bool = False
    max_tokens: int | None = None
    lower_case: bool = False
    prompt: str = ""
    straight_quotes: bool = False

    def spelt(self, text: str) -> str:
        """Return a text as the encoder reads it.

        Examples
        --------
        >>> Recipe(lower_case=True, straight_quotes=True).spelt("Don’t!")
        "don't!"
        """
        text = text.translate(_STRAIGHT) if self.straight_quotes else text
        return text.lower() if self.lower_case else text

    def describe(self) -> dict[str, Any]:
        """Return what decides the features; what does nothing is left out."""
        said: dict[str, Any] = {"pooling": self.pooling}
        said |= {"normalise": True} if self.normalise else {}
        said |= {"lower_case": True} if self.lower_case else {}
        said |= {"straight_quotes": True} if self.straight_quotes else {}
        return said | ({"prompt": self.prompt} if self.prompt else {})

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Recipe:
        """Return what `describe` said, beside ``max_tokens``.

        Examples
        --------
        >>> recipe = Recipe.of_record({"pooling": "first", "max_tokens": 128})
        >>> recipe.pooling, recipe.max_tokens, recipe.normalise
        ('first', 128, False)
        """
        known = {name: record[name] for name in cls.__dataclass_fields__ if name in record}
        return cls(**known)


def has_straight_quotes_alone(texts: Iterable[str]) -> bool:
    """Whether texts have apostrophes or quotes, and no typographic ones.

    Examples
    --------
    >>> has_straight_quotes_alone(["I'm here."]), has_straight_quotes_alone(["I'm", "I’m"])
    (True, False)
    """
    letters = set[str]().union(*texts)
    return bool(letters & {"'", '"'}) and not letters & set(CURLY)


def recipe_of(folder: Path, pooling: Pooling = "auto") -> Recipe:
    """Return how sentences become vectors by the encoder in a folder.

    "auto" follows the files that sentence-transformers writes (``modules.json`` and those that it
    names), so that the vectors are those of its ``encode``; a folder without them gives the mean.
    Another pooling is that of the bare encoder, without what follows it.

    Raises
    ------
    InputError
        If the folder has more to it than is known here, or is damaged.
    """
    if not (folder / MODULES).is_file():
        return Recipe("mean" if pooling == "auto" else pooling)
    settings = _read(folder / SETTINGS, dict) if (folder / SETTINGS).is_file() else {}
    longest, lower = settings.get("max_seq_length"), bool(settings.get("do_lower_case", False))
    if not (longest is None or (isinstance(longest, int) and longest > 0)):
        raise InputError(f"{folder / SETTINGS}: max_seq_length is {longest!r}, expected a number")
    if pooling != "auto":
        return Recipe(pooling, max_tokens=longest, lower_case=lower)
    kinds = [_kind(folder, one) for one in _read(folder / MODULES, list)]
    names = [name for name, _ in kinds]
    if names not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise InputError(
            f"{folder / MODULES}: its modules are {', '.join(names) or 'none'}, expected "
            "Transformer, Pooling and perhaps Normalize: --pooling mean takes the Transformer alone"
        )
    found = _pooling(folder / kinds[1][1] / "config.json")
    prompt = _prompt(folder / PROMPTS)
    return Recipe(found, names[-1] == "Normalize", longest, lower, prompt)


def _kind(folder: Path, module: Any) -> tuple[str, str]:
    try:
        return str(module["type"]).rpartition(".")[2], str(module["path"])
    except (KeyError, TypeError) as error:
        raise InputError(f"{folder / MODULES}: damaged: expected type and path") from error


def _pooling(path: Path) -> Pooled:
    config = _read(path, dict)
    modes = config.get("pooling_mode", [name for key, name in _MODES.items() if config.get(key)])
    modes = [modes] if isinstance(modes, str) else list(modes or ["mean"])
    modes = ["first" if mode == "cls" else mode for mode in modes]
    if modes == ["mean"]:
        found: Pooled = "mean"
    elif modes == ["first"]:
        found = "first"
    else:
        raise InputError(
            f"{path}: pools by {', '.join(map(str, modes))}, expected mean or cls: --pooling mean "
            "takes the mean over its tokens"
        )
    if config.get("include_prompt") is False:
        raise InputError(
            f"{path}: leaves the prompt out of the mean, which is not known here: --pooling mean "
            "takes no prompt"
        )
    return found


def _prompt(path: Path) -> str:
    """Return what sentence-transformers puts before each text unless it is told otherwise."""
    config = _read(path, dict) if path.is_file() else {}
    prompts, name = config.get("prompts") or {}, config.get("default_prompt_name")
    return str(prompts.get(name) or "") if name and isinstance(prompts, dict) else ""


def _read(path: Path, kind: type) -> Any:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    if not isinstance(found, kind):
        raise InputError(f"{path}: damaged: expected a JSON {kind.__name__}")
    return found
