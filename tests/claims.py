"""What docs/claims.md says of numbers in README and docs, and the files that hold them."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import mean, stdev

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "claims.md"
RESULTS = ROOT / "benchmarks" / "results"
NONE_KEPT = "none kept"
_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")
_TABLE_RULE = re.compile(r"^\|[\s:|-]+\|$")


@dataclass(frozen=True)
class Claim:
    """Words with numbers, or with `under` a whole table, of one document."""

    document: str
    words: str
    under: str
    file: str
    key: str
    command: str


def section(title: str) -> list[list[str]]:
    """Return the rows of the page's table under a heading, without its first two lines."""
    part = PAGE.read_text(encoding="utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def tables() -> list[Claim]:
    """Return the claims about whole tables."""
    return [
        Claim(document, "", under, *_source(file), command)
        for document, under, file, command in section("Tables")
    ]


def sentences() -> list[Claim]:
    """Return the claims about single sentences."""
    return [
        Claim(document, words, "", _plain(file), _plain(key), command)
        for document, words, file, key, command in section("Sentences")
    ]


def no_claims() -> list[str]:
    """Return the words of README whose numbers are no measurements."""
    return [words for words, _ in section("Numbers that claim nothing")]


def _source(file: str) -> tuple[str, str]:
    return _plain(file), ""


def _plain(cell: str) -> str:
    return cell.strip("`")


def text_of(document: str) -> str:
    """Return a document without fenced code, its white space made single spaces."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return " ".join(re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE).split())


def tables_of(document: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the heading that each table of a document stands under, and the table's rows."""
    heading, rows = "", []
    text = (ROOT / document).read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append(line)
        elif rows:
            yield heading, [row for row in rows[2:] if not _TABLE_RULE.match(row)]
            rows = []
        if line.startswith("#"):
            heading = line.lstrip("# ")


def numbers(text: str) -> list[str]:
    """Return the numbers of a text as they are written, without signs."""
    return _NUMBER.findall(text)


def is_in(number: str, found: list[str]) -> bool:
    """Whether a number, as rounded as it is written, is one of others that may be rounded, too."""
    asked = float(number.replace(",", ""))
    for other in found:
        slack = _rounding(number) + _rounding(other)
        if abs(asked - float(other.replace(",", ""))) <= slack + 1e-9:
            return True
    return False


def _rounding(number: str) -> float:
    return 0.5 * 10.0 ** -len(number.partition(".")[2]) if "." in number else 0.5


def held(claim: Claim) -> list[str]:
    """Return the numbers that a file holds under a claim's key."""
    path = (RESULTS if (RESULTS / claim.file).exists() else ROOT) / claim.file
    if path.suffix == ".csv":
        return _of_runs(path, claim.key)
    if path.suffix == ".json":
        return _of_speed(path, claim.key)
    lines = path.read_text(encoding="utf-8").splitlines()
    if path.suffix == ".md":
        return _of_table(lines, claim.key)
    found = [line for line in lines if claim.key in line]
    assert len(found) == 1, f"{claim.key!r} is in {len(found)} lines of {claim.file}, expected one"
    return numbers(found[0])


def _of_table(lines: list[str], key: str) -> list[str]:
    """Return the numbers of a named row, of "NAME #2" its second one; or how many rows compare."""
    if key == "rows compared":
        return [str(sum(bool(re.search(r"\| [+-][\d.]+ \(", line)) for line in lines))]
    name, _, place = key.partition(" #")
    rows = [line for line in lines if line.startswith(f"| {name} |")]
    assert rows, f"no row begins with {name!r}"
    return numbers(rows[int(place or 1) - 1].partition(f"| {name} |")[2])


def lines_of(file: str) -> list[list[str]]:
    """Return the numbers of each line of a file of results."""
    return [numbers(line) for line in (RESULTS / file).read_text(encoding="utf-8").splitlines()]


@cache
def _runs(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _of_runs(path: Path, key: str) -> list[str]:
    """Return mean and deviation of "SETTING: COLUMN" over seeds, or over seeds and folds.

    Of "runs: minutes" and "runs: number" all of them.
    """
    setting, _, column = key.rpartition(": ")
    rows = _runs(path)
    if setting == "runs":
        # Rows without a key are folds taken together, which nobody trained.
        trained = {
            row["key"]: float(row["seconds"]) for row in rows if row["seconds"] and row["key"]
        }
        # With decimals: a number without any may be rounded.
        found = sum(trained.values()) / 60 if column == "minutes" else len(trained)
        return [f"{found:.3f}"]
    for use in ("seed", "fold"):  # scores that seeds lack are of each fold alone
        found = [r[column] for r in rows if (r["setting"], r["use"]) == (setting, use)]
        if all(found):
            break
    own = list(map(float, found))
    return [f"{mean(own):.3f}", f"{stdev(own):.3f}"]


def _of_speed(path: Path, key: str) -> list[str]:
    """Return of "SHAPE: PASS: PEER: minimum" how many times as long; of extra_bytes our percent."""
    shape, way, peer, what = key.split(": ")
    cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
    peers = {one["key"]: one for case in cases if case["shape"] == shape for one in case["peers"]}
    ours, theirs = (peers[name]["passes"][way][what] for name in ("ours", peer))
    return [f"{theirs / ours:.3f}" if what == "minimum" else f"{100 * ours / theirs:.3f}"]
