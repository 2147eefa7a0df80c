"""``ariigcn bundle``."""

from __future__ import annotations

from pathlib import Path

from ariigcn_dgl.bundle.card import card
from ariigcn_dgl.bundle.file import read_file
from ariigcn_dgl.bundle.make import Words, make_bundle
from ariigcn_dgl.bundle.opened import bundle_file
from ariigcn_dgl.bundle.pack import Precision, Variant
from ariigcn_dgl.cli.progress import shown
from ariigcn_dgl.cli.say import note, say
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.files import read_text

NO_LICENCE = "not stated"


def bundle(
    run: str,
    out: str | None = None,
    causal: str | None = None,
    data: str | None = None,
    precision: Precision | None = None,
    about: str | None = None,
    licence: str | None = None,
    language: str | None = None,
) -> None:
    """Make one file of a trained run, which others predict with; or show the card of such a file.

    A bundle holds the weights of all seeds, what scales features, the targets, the names of the
    encoders with their revisions, bounds for --coverage, and a card with the scores of the test
    split, measured from the file itself. It is safetensors and JSON: reading it runs no code, and
    a damaged or changed file is refused. Without --out the card of a bundle is printed.

    Parameters
    ----------
    run : str
        Run folder; without --out a bundle: its file, the name of one that comes with this package,
        or hub:OWNER/NAME.
    out : str
        New file, ending in .ariigcn.
    causal : str
        Run folder of the same data set that does not look ahead: what predict --stream uses.
    data : str
        Where the data set of the training lies now; default: where it was.
    precision : {"float32", "float16"}
        Of the weights; default: float32. Half precision takes half the space, and turns few
        answers or none: the card says how many.
    about : str
        Text file (Markdown) for the card: what it is for, its data, what it must not be used for.
    licence : str
        Of the weights, and of the data they were trained on, for the card; default: not stated.
    language : str
        Of the words that it was trained on; default: English, where those of the test split look
        so. Where it is English, predict says of a text that it does not look English.
    """
    if out is None:
        named = {"--causal": causal, "--data": data, "--precision": precision, "--about": about}
        named |= {"--licence": licence, "--language": language}
        given = next((option for option, value in named.items() if value is not None), None)
        if given:
            raise InputError(f"{given}: needs --out, the bundle to write")
        print(card(read_file(bundle_file(run, note)).about), end="")
        return
    runs: dict[Variant, Path] = {"whole": Path(run)}
    if causal is not None:
        runs["causal"] = Path(causal)
    words = Words(read_text(about) if about else "", licence or NO_LICENCE, language or "")
    with shown("bundle"):
        made = make_bundle(runs, Path(out), words, data, precision or "float32")
    size = Path(out).stat().st_size / 1e6
    seeds = sum(one["seeds"] for one in made["runs"].values())
    count = f"{seeds} seed{'s'[: seeds > 1]} of {len(runs)} run{'s'[: len(runs) > 1]}"
    say(f"{count}, {size:.1f} MB: {out}")
