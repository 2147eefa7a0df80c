"""YAML is read as plain values; what would never end or is none is refused in one sentence."""

from __future__ import annotations

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.plain_yaml import check_shape, parse_yaml

LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{','.join(['*' + before] * 9)}]}}\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize("text", ["", "# nothing\n", "null\n"])
def test_nothing_is_none(text: str) -> None:
    assert parse_yaml(text, "f") is None


def test_a_few_aliases_are_read() -> None:
    assert parse_yaml("a: &a [1, 2]\nb: *a\nc: [*a, *a]\n", "f") == {
        "a": [1, 2],
        "b": [1, 2],
        "c": [[1, 2], [1, 2]],
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LAUGHS, "holds more than 50,000 values; if you trust it"),
        (MERGES, "holds more than 50,000 values; if you trust it"),
        ("&a [*a]", "a value that holds itself"),
        ("a: &a {b: *a}", "a value that holds itself"),
        ("x" * 131_073, "is larger than 131,072 letters"),
        ("[" * 20_000, "not YAML: nested too deeply"),
        ("a: [1", "not YAML: while parsing"),
        ("a: !!python/name:os.system x", "not YAML: could not determine a constructor"),
        ("a: " + "9" * 5000, "not YAML: a value cannot be read"),
        ("a: 2001-99-99", "not YAML: a value cannot be read"),
        ("a: !!int ''", "not YAML: a value cannot be read"),
        ("a: !!timestamp x", "not YAML: a value cannot be read"),
        ("a: !!bool x", "not YAML: a value cannot be read"),
        ("{[1]: 2}", "not YAML: while constructing"),
        ("a: \0", "not YAML: unacceptable character"),
        ("a:\n  b: 1\n  b: 3", "line 3: 'b' is there already, in line 2; put both into one"),
        ("[{a: 1, a: 1}]", "line 1: 'a' is there already, in line 1"),
    ],
)
def test_what_is_wrong_is_one_sentence(text: str, words: str) -> None:
    with pytest.raises(InputError, match=f"^f: {words}") as caught:
        parse_yaml(text, "f")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"model": None}, "model has no value"),
        ({"model": {"width": None}}, "model.width has no value"),
        ({"model": {"window": {"past": None}}}, "model.window.past has no value"),
        ({"model": []}, r"model is \[\], expected settings by name"),
        ({"model": {"window": 3}}, "model.window is 3, expected settings by name"),
    ],
)
def test_settings_without_a_value_are_named(content: dict, words: str) -> None:
    defaults = {"model": {"width": 1, "window": {"past": 1}}, "out": None}
    with pytest.raises(InputError, match=f"^f: {words}"):
        check_shape(content, defaults, "f")


def test_options_without_a_default_may_be_empty() -> None:
    check_shape({"out": None, "unknown": None}, {"out": None}, "f")
