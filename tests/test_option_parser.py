"""What is wrong with an option is one sentence: its name, its value and what was expected."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.option_parser import OptionParser


@dataclass
class _Pear:
    weight: int = 1
    ripe: bool = False
    colour: Literal["red", "green"] = "red"
    pips: tuple[float, ...] = ()
    worms: int | None = None


@dataclass
class _Basket:
    pear: _Pear = field(default_factory=_Pear)


@pytest.fixture
def parser() -> OptionParser:
    """Return the parser of ``SHOP --basket.pear.weight ... --price X [--days X X ...]``."""
    parser = OptionParser()
    parser.add_argument("shop", type=int)
    parser.add_argument("--basket", type=_Basket)
    parser.add_argument("--price", type=float, required=True)
    parser.add_argument("--days", type=int, nargs="+")
    return parser


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["x", "--price=1"], "shop: is x, expected an integer"),
        (["1", "--price=x"], "--price: is x, expected a number"),
        (["1", "--price=1", "--days", "1", "x"], "--days: is x, expected an integer"),
        (["--basket.pear.weight=x"], "--basket.pear.weight: is x, expected an integer"),
        (["--basket.pear.ripe=x"], "--basket.pear.ripe: is x, expected true or false"),
        (
            ["--basket.pear.colour=x"],
            "--basket.pear.colour: is x, expected one of ['red', 'green']",
        ),
        (["--basket.pear.pips=x"], "--basket.pear.pips: is x, expected a list"),
        (["--basket.pear.worms=x"], "--basket.pear.worms: is x, expected an integer"),
        (["--basket={pear: {weight: x}}"], "--basket.pear.weight: is x, expected an integer"),
        (["--basket=x"], '--basket: Unable to load config "x"'),
        ([], "the following arguments are required: shop, --price"),
        (["--price"], "argument --price: expected one argument"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_wrong_is_one_sentence(
    parser: OptionParser, arguments: list[str], sentence: str
) -> None:
    with pytest.raises(InputError) as caught:
        parser.parse_args(arguments)
    assert str(caught.value) == sentence
