"""Which cases options stand for, and which peers the default grid leaves out."""

from __future__ import annotations

from ariigcn_dgl.benchmark.options import Options


def shapes(**options: object) -> list[str]:
    return [f"{one.operator} {one.shape}" for one in Options(**options).problems()]


def refusals(shape: str, **options: object) -> dict[str, str]:
    chosen = Options(**options)
    problem = next(one for one in chosen.problems() if one.shape == shape)
    return {peer.key: chosen.refusal(problem, peer) for peer in problem.peers()}


def test_options_replace_the_default_cases_by_their_product() -> None:
    assert shapes(operators=["attention"], shapes=["meld"], dims=[8, 16], relations=[2]) == [
        "attention meld D8 R2",
        "attention meld D16 R2",
    ]
    assert shapes(operators=["contrast"], sizes=[7]) == [
        "contrast N7 infonce",
        "contrast N7 supcon",
    ]
    assert shapes(operators=["plan"], shapes=["iemocap"]) == ["plan iemocap"]
    assert shapes(operators=["step"], shapes=["long", "iemocap"]) == ["step iemocap"]


def test_default_has_every_shape_and_number_of_relations() -> None:
    found = " ".join(shapes())
    for words in (
        "meld D256 R8",
        "R162",
        "R18",
        "D512",
        "long D256",
        "N8192",
        "plan long",
        "step iemocap",
    ):
        assert words in found


def test_quick_is_part_of_little() -> None:
    assert len(shapes(quick=True)) < len(shapes()) / 2
    assert not Options(quick=True).wanted("dense-compiled")


def test_default_compiles_in_few_cases_and_names_the_option() -> None:
    assert refusals("meld D256 R8")["dense-compiled"] == ""
    assert "--peers dense-compiled" in refusals("iemocap D512 R8")["dense-compiled"]
    assert refusals("iemocap D512 R8", peers=["dense-compiled"])["dense-compiled"] == ""


def test_default_leaves_slow_peers_out_of_the_longest_case() -> None:
    assert [key for key, why in refusals("long D256 R8").items() if not why] == [
        "ours",
        "dgl",
        "dgl-hetero",
    ]
    asked = refusals("long D256 R8", shapes=["long"])
    assert not any(asked.values())


def test_ceilings_of_gpus_are_measured_there_or_by_name() -> None:
    assert not Options().wanted("sdpa")
    assert Options(device="cuda").wanted("sdpa")
    assert Options(peers=["sdpa"]).wanted("sdpa")
