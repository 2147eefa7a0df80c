"""Whisper, by transformers, from a local folder."""

from __future__ import annotations

import warnings
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.hidden_torchvision import torchvision_hidden
from ariigcn_dgl.extract.media import SAMPLE_RATE
from ariigcn_dgl.extract.transformer import LOCALLY, quiet
from ariigcn_dgl.near import did_you_mean
from ariigcn_dgl.optional import require
from ariigcn_dgl.speech.recogniser import Piece

ENGLISH = "en"
# Of Whisper's own program: a stretch is left out where silence is so probable and its text so
# improbable. Its other remedy, to draw at random, would give another text each time.
SILENCE = {"no_speech_threshold": 0.6, "logprob_threshold": -1.0, "temperature": 0.0}
LOOP = 2.4  # times that a text can be compressed, from which on it repeats itself


class Whisper:
    """Recognise speech of many languages, with the times of words, or of sentences.

    Times of words need ``alignment_heads`` in the folder's ``generation_config.json``, which
    OpenAI's models have.

    Parameters
    ----------
    path : Path
        Folder that ``save_pretrained`` wrote, or a snapshot of the hub, with weights as
        safetensors. No code of it is run.
    name : str
        By which it is called in notes.
    language : str or None
        As "en" or "english"; None: found out from the first stretch.
    device : str
        Where it computes; in half precision on CUDA.

    Raises
    ------
    InputError
        If transformers is missing, the folder holds no complete Whisper, or it does not know the
        language.
    """

    def __init__(
        self, path: Path, name: str = "", language: str | None = None, device: str = "cpu"
    ) -> None:
        self.name = name or str(path)
        with torchvision_hidden():
            transformers = require("transformers", "speech")
            with quiet(transformers):
                self._pipe = _load(transformers, Path(path), device)
        self._transformers = transformers
        known = self._generation.lang_to_id if self._many else {f"<|{ENGLISH}|>": 0}
        self.language = None if language is None else _code(language, known, self.name)
        self._found_out = False
        self._loops = 0

    @property
    def _generation(self) -> Any:
        return self._pipe.model.generation_config

    @property
    def _many(self) -> bool:
        """Whether it knows many languages."""
        return bool(getattr(self._generation, "is_multilingual", False))

    @torch.inference_mode()
    def recognise(self, sound: np.ndarray) -> list[Piece]:
        """Return the words, or the sentences, of one stretch of speech."""
        by_words = getattr(self._generation, "alignment_heads", None) is not None
        options: dict[str, Any] = dict(SILENCE)
        with quiet(self._transformers), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a stretch in which it finds no word
            if self._many:
                options |= {"task": "transcribe", "language": self._language_of(sound)}
            try:
                found = self._pipe(
                    np.ascontiguousarray(sound, np.float32),
                    return_timestamps="word" if by_words else True,
                    generate_kwargs=options,
                )
            except ValueError as error:
                if "non-empty list" not in str(error):
                    raise
                return []  # all of it was taken for silence: transformers joins no segments
        self._loops += _repeats(found["text"])
        return _pieces(found["chunks"], len(sound) / SAMPLE_RATE)

    def notes(self) -> list[str]:
        """Return which language was found, and where texts repeat themselves."""
        found = []
        if self._found_out:
            found.append(
                f"the language was taken to be {self.language!r}, by the first stretch of speech; "
                "--language says it for sure"
            )
        if self._loops:
            found.append(
                f"{self.name} repeats itself in {self._loops} stretches of speech, as it does "
                "where it understands nothing: read them"
            )
        return found

    def _language_of(self, sound: np.ndarray) -> str:
        if self.language is None:
            model, extractor = self._pipe.model, self._pipe.feature_extractor
            features = extractor(sound, sampling_rate=SAMPLE_RATE, return_tensors="pt")
            heard = features.input_features.to(model.device, model.dtype)
            number = int(model.detect_language(heard)[0])
            named = {n: token for token, n in self._generation.lang_to_id.items()}
            self.language, self._found_out = named[number].strip("<|>"), True
        return self.language


def _load(transformers: ModuleType, path: Path, device: str) -> Any:
    """Return the pipeline of a folder."""
    if not (path / "config.json").is_file():
        raise InputError(
            f"{path}: no config.json, expected the folder of a Whisper for transformers"
        )
    try:
        config = transformers.AutoConfig.from_pretrained(path, **LOCALLY)
        if config.model_type != "whisper":
            raise InputError(
                f"{path}: is a model of the kind {config.model_type!r}, expected a Whisper"
            )
        model, info = transformers.WhisperForConditionalGeneration.from_pretrained(
            path,
            dtype=torch.float16 if device.startswith("cuda") else torch.float32,
            attn_implementation="eager",  # the times of words are read from its attention
            use_safetensors=True,
            output_loading_info=True,
            **LOCALLY,
        )
        processor = transformers.WhisperProcessor.from_pretrained(path, **LOCALLY)
    except InputError:
        raise
    except Exception as error:  # transformers lets through whatever its many loaders raise
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not a complete Whisper: {reason}") from error
    missing = sorted(info["missing_keys"])
    if missing:  # transformers would draw them at random
        raise InputError(f"{path}: the weights lack {missing[0]} ({len(missing)} are missing)")
    return transformers.pipeline(
        "automatic-speech-recognition",
        model=model.eval(),
        tokenizer=processor.tokenizer,
        feature_extractor=processor.feature_extractor,
        device=device,
    )


def _code(language: str, known: dict[str, int], name: str) -> str:
    """Return the code of a language by its code or English name."""
    names = require("transformers.models.whisper.tokenization_whisper", "speech").TO_LANGUAGE_CODE
    code = names.get(language.lower(), language.lower())
    if f"<|{code}|>" not in known:
        codes = [token.strip("<|>") for token in known]
        raise InputError(
            f"--language {language}: not a language of {name}, which knows {', '.join(codes[:12])}"
            f"{' ...' if len(codes) > 12 else ''}{did_you_mean(language, [*codes, *names])}"
        )
    return code


def _pieces(chunks: list[dict[str, Any]], seconds: float) -> list[Piece]:
    """Return the pieces of the pipeline's chunks, in order, within the sound."""
    found: list[Piece] = []
    for chunk in chunks:
        start, end = chunk["timestamp"]
        before = found[-1].end if found else 0.0
        start = min(before if start is None else max(start, before), seconds)
        end = seconds if end is None else min(max(end, start), seconds)  # None: cut off there
        found.append(Piece(start, end, chunk["text"]))
    return found


def _repeats(text: str) -> bool:
    content = text.encode()
    return len(content) > LOOP * len(zlib.compress(content))
