"""The encoder that a name means: a path that exists, one that a package carries, of the hub."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ariigcn_dgl.extract.audio import AudioEncoder, load_encoder
from ariigcn_dgl.extract.carried import MINILM, TEXTS, carried_sound, minilm_folder
from ariigcn_dgl.extract.functionals import Functionals
from ariigcn_dgl.extract.hub import locate
from ariigcn_dgl.extract.own_encoder import ENCODERS, Encoder, make_encoder
from ariigcn_dgl.extract.sentence_recipe import Pooling, Recipe
from ariigcn_dgl.extract.speech_encoder import SpeechEncoder
from ariigcn_dgl.extract.text import TextEncoder
from ariigcn_dgl.extract.transformer import Dtype
from ariigcn_dgl.extract.tuned_folder import is_tuned, load_tuned
from ariigcn_dgl.extract.tuned_text import TunedTextEncoder
from ariigcn_dgl.extract.visual import VisualEncoder
from ariigcn_dgl.notes import Note
from ariigcn_dgl.plugins import NAME

# torchvision's own weights of these, as safetensors.
DENSENETS = {f"densenet{n}": f"timm/densenet{n}.tv_in1k" for n in (121, 161, 169, 201)}


@dataclass(frozen=True)
class Computing:
    """Where encoders compute, in which precision, and whether anything may be downloaded."""

    device: str = "cpu"
    dtype: Dtype = "float32"
    offline: bool = False


def text_encoder(
    name: str,
    note: Note,
    computing: Computing = Computing(),
    pooling: Pooling = "auto",
    recipe: Recipe | None = None,
) -> TextEncoder | TunedTextEncoder | Encoder:
    """Return the text encoder that a name means.

    A path that exists comes first (also that of an encoder that was fine-tuned here), then what an
    installed package carries (`TEXTS`), then encoders that other packages offer, then the hub.

    Parameters
    ----------
    name : str
    note : callable
        Gets a sentence about what the name was taken for, unless it is a path.
    computing : Computing
    pooling : {"auto", "mean", "first", "cls"}
    recipe : Recipe, optional
        Instead of `pooling`, as a record says.

    Raises
    ------
    InputError
        If there is no such encoder, or it cannot be had.
    """
    device, dtype = computing.device, computing.dtype
    if name in TEXTS and not Path(name).exists():
        made = TEXTS[name](name, pooling, device, dtype, recipe)
        note(f"--text {name}: of the package {made.source.package} {made.source.version}")
        return made
    own = _own(name, "text", device, note)
    if own is not None:
        return own
    if is_tuned(Path(name)):
        return load_tuned(Path(name), device, dtype)
    source = locate(name, "--text", note, computing.offline)
    return TextEncoder(source.path, pooling, device, dtype, recipe=recipe, source=source)


def default_text() -> str | None:
    """Return the name of the text encoder that is used where none is named, if it is installed."""
    return MINILM if minilm_folder() else None


def audio_encoder(
    name: str, note: Note, computing: Computing = Computing()
) -> AudioEncoder | Functionals | SpeechEncoder | Encoder:
    """Return the audio encoder that a name means; see `text_encoder`.

    A file is one that ``--audio train`` made, a folder a speech model for transformers.
    """
    device = computing.device
    if Path(name).is_file():
        return load_encoder(Path(name), device)
    if not Path(name).exists():
        made = carried_sound(name, device, note) or _own(name, "audio", device, note)
        if made is not None:
            return made
    source = locate(name, "--audio", note, computing.offline)
    return SpeechEncoder(source.path, device, computing.dtype, source=source)


def visual_encoder(
    name: str, note: Note, computing: Computing = Computing(), pictures: int = 8
) -> VisualEncoder | Encoder:
    """Return the visual encoder that a name means; see `text_encoder`.

    ``densenet121`` and its like are torchvision's weights, as the hub has them.
    """
    device = computing.device
    own = _own(name, "visual", device, note)
    if own is not None:
        return own
    known = name if Path(name).exists() else DENSENETS.get(name, name)
    source = replace(locate(known, "--visual", note, computing.offline), name=name)
    return VisualEncoder(source.path, pictures, device, computing.dtype, source=source)


def _own(name: str, modality: str, device: str, note: Note) -> Encoder | None:
    """Return an encoder of another package, if the name is that of one and of no path."""
    if Path(name).exists() or not (name in ENCODERS.names or NAME.fullmatch(name)):
        return None
    made = make_encoder(name, modality, device)
    origin = made.describe()["plugin"]
    package = origin["distribution"]
    whose = f"of the package {package} {origin['version']}" if package else origin["module"]
    note(f"--{modality} {name}: {whose}")
    return made
