"""What counts as a fault, and where the input that shows one is kept."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass
from pathlib import Path

from fuzz.target import Case, Target, WrongAnswer

OUT = Path("build/fuzz")  # where inputs that show a fault are kept, each target's in a folder
KINDS = {
    "crash": "the process died",
    "hang": "an input took longer than the limit",
    "exception": "an exception that refuses nothing came out",
    "memory": "more memory than the limit",
    "left": "files were left behind or changed",
    "silent": "accepted, with another answer than the input says",
    "sentence": "a refusal that is empty or does not name the file",
}


@dataclass(frozen=True)
class Fault:
    """One fault.

    Parameters
    ----------
    number : int
        Which of the target's inputs.
    kind : str
        One of `KINDS`.
    what : str
        The sentence, exception or signal.
    place : str
        Where it came out, by which faults of one cause are counted together.
    """

    number: int
    kind: str
    what: str
    place: str


ACCEPTED, REFUSED = "accepted", "refused"
Outcome = str | tuple[str, str, str]


def tried(target: Target, case: Case, folder: Path) -> Outcome:
    """Try an input; return `ACCEPTED`, `REFUSED`, or (kind, what, place) of the fault it shows."""
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    outcome = _used(target, case, folder)
    found = {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}
    same = found.keys() == case.files.keys() and all(
        path.read_bytes() == case.files[name] for name, path in found.items()
    )
    for path in found.values():
        path.unlink()
    if isinstance(outcome, str) and not same:
        names = sorted({*found, *case.files})
        return "left", f"the folder holds {', '.join(names)[:200]}", "files"
    return outcome


def _used(target: Target, case: Case, folder: Path) -> Outcome:
    try:
        target.run(case, folder)
    except WrongAnswer as error:
        return "silent", str(error)[:300], _place(error)
    except target.refusals as error:
        sentence = str(error)
        if not sentence or (target.names_the_file and str(folder) not in sentence):
            return "sentence", f"{type(error).__name__}: {sentence[:300]}", _place(error)
        return REFUSED
    except MemoryError as error:
        return "memory", "MemoryError", _place(error)
    except BaseException as error:  # whatever it is: that is a fuzzer's purpose
        return "exception", f"{type(error).__name__}: {str(error)[:300]}", _place(error)
    return ACCEPTED


def _place(error: BaseException) -> str:
    """Return the innermost two frames within the package."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "ariigcn_dgl" in frame.filename] or frames
    names = [re.sub(r"^.*(?=(ariigcn_dgl|fuzz)/)", "", frame.filename) for frame in own]
    places = [f"{name}:{frame.lineno}" for name, frame in zip(names, own, strict=True)]
    return " < ".join([type(error).__name__, *places[::-1][:2]])


def kept(root: Path, target: Target, case: Case, seed: int, fault: Fault) -> Path:
    """Write the input, and how to try it again, to a folder of its own; return the folder."""
    folder = root / target.name / f"seed{seed}-{fault.number}"
    for name, content in case.files.items():
        path = folder / "input" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    folder.mkdir(parents=True, exist_ok=True)
    note = f"{fault.kind}: {fault.what}\nat {fault.place}\ninput: {case.words}\n"
    note += f"again: {again(target.name, seed, fault.number)}\n"
    (folder / "fault.txt").write_text(note, encoding="utf-8", errors="backslashreplace")
    return folder


def again(name: str, seed: int, number: int) -> str:
    """Return the command that tries one input again."""
    return f"python -m fuzz --targets {name} --seed {seed} --first {number} --inputs 1"
