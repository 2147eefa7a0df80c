"""How often conversations are doubted to be English, of real ones in English and in others.

Reads MELD's tables, and files of one dialogue a line, whose utterances end with ``__eou__``, as
those of XDailyDialog (github.com/liuzeming01/XDailyDialog: the same dialogues in four languages):

    python benchmarks/english.py MELD/*_sent_emo.csv XDailyDialog/data/*_test_human.txt
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from pathlib import Path

from ariigcn_dgl.extract.language import looks_english, why_not_english


def conversations(path: Path) -> list[list[str]]:
    if path.suffix == ".txt":
        lines = path.read_text(encoding="utf-8").splitlines()
        return [line.split("__eou__")[:-1] for line in lines]
    found: dict[str, list[str]] = defaultdict(list)
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            found[row["Dialogue_ID"]].append(row["Utterance"])
    return list(found.values())


def main() -> None:
    print("| file | conversations | too short to tell | look English | doubted |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for path in map(Path, sys.argv[1:]):
        found = conversations(path)
        doubted = sum(bool(why_not_english(one)) for one in found)
        english = sum(looks_english(one) for one in found)
        short = len(found) - doubted - english
        print(f"| {path.name} | {len(found)} | {short} | {english} | {doubted} |")


if __name__ == "__main__":
    main()
