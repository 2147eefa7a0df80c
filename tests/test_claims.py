"""README, docs and docs/claims.md say the same numbers, and files that are kept hold them."""

from __future__ import annotations

import re

import pytest

from tests.claims import (
    NONE_KEPT,
    RESULTS,
    ROOT,
    Claim,
    held,
    is_in,
    lines_of,
    no_claims,
    numbers,
    sentences,
    tables,
    tables_of,
    text_of,
)

TABLES, SENTENCES = tables(), sentences()
KEPT = [one for one in SENTENCES if one.file != NONE_KEPT]
PAGES = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
OWN = "docs/claims.md"


def _name(claim: Claim) -> str:
    return f"{claim.document}: {claim.words or claim.under}"


@pytest.mark.parametrize("claim", SENTENCES, ids=_name)
def test_the_words_stand_in_the_document(claim: Claim) -> None:
    assert claim.words in text_of(claim.document)


@pytest.mark.parametrize("claim", KEPT, ids=_name)
def test_the_file_holds_the_numbers_of_the_words(claim: Claim) -> None:
    found = held(claim)
    assert [one for one in numbers(claim.words) if not is_in(one, found)] == [], found


@pytest.mark.parametrize("claim", [one for one in TABLES if one.file != NONE_KEPT], ids=_name)
def test_each_row_of_a_table_has_the_numbers_of_one_line_of_its_file(claim: Claim) -> None:
    (rows,) = [rows for under, rows in tables_of(claim.document) if under == claim.under]
    lines = lines_of(claim.file)
    assert rows
    for row in rows:
        asked = numbers(" ".join(row.strip("|").split("|")[1:]))
        assert any(all(is_in(one, line) for one in asked) for line in lines), row


@pytest.mark.parametrize("page", ["README.md", *(page for page in PAGES if page != OWN)])
def test_every_table_of_measurements_is_named(page: str) -> None:
    named = {one.under for one in TABLES if one.document == page}
    decimals = re.compile(r"\d\.\d")
    found = {head for head, rows in tables_of(page) if decimals.search(" ".join(rows))}
    assert found <= named


def test_every_number_of_the_readme_is_claimed_or_said_to_claim_nothing() -> None:
    text = re.sub(r"\]\([^)]*\)", "]", text_of("README.md"))
    for _, rows in tables_of("README.md"):
        for row in rows:
            text = text.replace(" ".join(row.split()), "", 1)
    claimed = [one.words for one in SENTENCES if one.document == "README.md"] + no_claims()
    for words in sorted(claimed, key=len, reverse=True):
        assert re.sub(r"\]\([^)]*\)", "]", words) in text, words
        text = text.replace(re.sub(r"\]\([^)]*\)", "]", words), "")
    assert numbers(text) == []


def test_tables_of_the_readme_are_named() -> None:
    named = {one.under for one in TABLES if one.document == "README.md"}
    with_numbers = {head for head, rows in tables_of("README.md") if numbers(" ".join(rows))}
    assert with_numbers <= named


def test_every_claim_names_its_command() -> None:
    assert [_name(one) for one in [*TABLES, *SENTENCES] if not one.command.startswith("`")] == []


def test_files_that_are_named_are_kept() -> None:
    files = {one.file for one in [*TABLES, *SENTENCES]} - {NONE_KEPT}
    assert [one for one in files if not ((RESULTS / one).exists() or (ROOT / one).exists())] == []


@pytest.mark.parametrize(
    ("number", "found", "same"),
    [
        ("69.5", ["69.51"], True),
        ("0.69", ["0.685"], True),  # rounded twice
        ("69.5", ["69.61"], False),
        ("12", ["12.165"], True),
        ("1,623", ["1623"], True),
        ("2.3", [], False),
    ],
)
def test_a_number_is_held_as_rounded_as_it_is_written(
    number: str, found: list[str], same: bool
) -> None:
    assert is_in(number, found) == same
