"""Pairwise contrast at tile edges, on every instruction set, at extreme similarities, at scale."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from ariigcn_dgl.ops import PairRule, pairwise_contrast, pairwise_contrast_reference

RULES = {
    "classes": PairRule.where(lambda c, m, u: c, lambda c, m, u: not c),
    "modalities": PairRule.where(lambda c, m, u: c and not m, lambda c, m, u: not c and m),
    "utterances": PairRule.where(lambda c, m, u: u and not m, lambda c, m, u: not u),
    "all three": PairRule.where(lambda c, m, u: c and not u, lambda c, m, u: not c and m),
}
EDGES = (23, 25, 63, 65, 127, 129, 255, 257, 300)  # chunks, panels, blocks, teams


def draw(size: int, width: int = 5, groups: int = 2) -> tuple[Tensor, Tensor]:
    """Return unit rows and (3, G, N) identities; a quarter of the rows has no label."""
    generator = torch.Generator().manual_seed(size)
    z = torch.randn(groups, size, width, generator=generator, dtype=torch.float64)
    ids = [torch.randint(n, (groups, size), generator=generator) for n in (4, 3, 40)]
    return F.normalize(z, dim=-1), torch.stack([ids[0] - 1, *ids[1:]])


def both(function, z: Tensor, ids: Tensor, rule: PairRule, **options: float) -> list[Tensor]:
    """Return all statistics, and the gradient of a sum that weighs each of them differently."""
    z = z.detach().clone().requires_grad_()
    stats = torch.stack(function(z, *ids, rule, **options))
    cotangent = torch.linspace(-1, 1, stats.numel(), dtype=torch.float64).reshape(stats.shape)
    cotangent[:2] = 0  # counts carry none
    return [stats.detach(), torch.autograd.grad(stats, z, cotangent.to(stats))[0]]


def relative_errors(actual: list[Tensor], exact: list[Tensor]) -> list[float]:
    return [((a.double() - e).norm() / e.norm()).item() for a, e in zip(actual, exact, strict=True)]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
@pytest.mark.parametrize("size", EDGES)
def test_equals_the_reference_around_tile_edges(size: int, rule: PairRule):
    z, ids = draw(size)
    options = {"temperature": 0.3, "margin": 0.4}
    ours, theirs = (
        both(f, z, ids, rule, **options) for f in (pairwise_contrast, pairwise_contrast_reference)
    )
    torch.testing.assert_close(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize("capability", ["generic", "avx2", "avx512"])
def test_every_instruction_set_equals_the_reference(capability: str):
    edges = f"{__file__}::{test_equals_the_reference_around_tile_edges.__name__}"
    single = f"{__file__}::{test_single_precision_is_within_two_millionths.__name__}"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", edges, single],
        env={**os.environ, "ARIIGCN_CPU_CAPABILITY": capability},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_single_precision_is_within_two_millionths():
    z, ids = draw(700, width=64, groups=1)
    z = z.float()
    ours = both(pairwise_contrast, z, ids, RULES["classes"])
    exact = both(pairwise_contrast_reference, z.double(), ids, RULES["classes"])
    assert max(relative_errors(ours, exact)) < 2e-6
    assert max(relative_errors(list(ours[0]), list(exact[0]))) < 2e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(
    ("scale", "temperature"), [(1, 0.02), (1, 0.01), (1, 1e-3), (30, 0.1), (1e-3, 1e-7)]
)
def test_similarities_beyond_exp(scale: float, temperature: float, dtype: torch.dtype):
    z, ids = draw(150, width=8)
    z = (z * scale).to(dtype)
    options = {"temperature": temperature}
    ours = both(pairwise_contrast, z, ids, RULES["all three"], **options)
    exact = both(pairwise_contrast_reference, z.double(), ids, RULES["all three"], **options)
    assert all(part.isfinite().all() for part in ours)
    # rounding of s / temperature, at most 1e4, is all that single precision loses
    assert max(relative_errors(ours, exact)) < (1e-9 if dtype == torch.float64 else 3e-4)


def test_rows_of_length_zero_are_like_any_others():
    ids = torch.tensor([[[0, 0, 1, 1]], [[0] * 4], [[0] * 4]])
    stats = pairwise_contrast(torch.zeros(1, 4, 3), *ids, RULES["classes"])
    assert stats.lse_neg.tolist() == [[pytest.approx(torch.tensor(2.0).log().item())] * 4]
    assert stats.sum_pos.abs().sum() == 0


def test_a_row_without_positives_gives_zero_even_at_low_temperatures():
    ids = torch.tensor([[[0, 1, 1]], [[0] * 3], [[0] * 3]])
    z = F.normalize(torch.randn(1, 3, 4, generator=torch.Generator().manual_seed(0)), dim=-1)
    stats, grad = both(pairwise_contrast, z, ids, RULES["classes"], temperature=1e-3)
    assert stats[[0, 2, 4, 6], 0, 0].abs().sum() == 0
    assert grad.isfinite().all()


def test_groups_may_have_different_numbers_of_labelled_rows():
    z, ids = draw(300, groups=3)
    ids[0, 0] = -1
    ids[0, 1, 10:] = -1
    ours, theirs = (
        both(f, z, ids, RULES["classes"]) for f in (pairwise_contrast, pairwise_contrast_reference)
    )
    torch.testing.assert_close(ours, theirs)
    assert ours[0][:, 0].abs().sum() == 0
    assert ours[1][0].abs().sum() == 0


@pytest.mark.parametrize("far", [2**62, -(2**63)])
def test_identities_may_be_any_integers(far: int):
    z, ids = draw(40)
    spread = ids.clone()
    spread[2] = torch.where(ids[2] == 0, far, ids[2])
    spread[1] = torch.where(ids[1] == 0, -far - 1, ids[1])
    ours = both(pairwise_contrast, z, spread, RULES["all three"])
    torch.testing.assert_close(ours, both(pairwise_contrast, z, ids, RULES["all three"]))


@pytest.mark.parametrize("temperature", [0.1, 1e-3])
def test_the_number_of_threads_changes_no_bit(temperature: float):
    z, ids = draw(900, width=24)
    before, answers = torch.get_num_threads(), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        answers.append(
            both(pairwise_contrast, z.float(), ids, RULES["modalities"], temperature=temperature)
        )
    torch.set_num_threads(before)
    assert all(
        a.equal(b) for answer in answers[1:] for a, b in zip(answers[0], answer, strict=True)
    )


@settings(deadline=None, max_examples=60)
@given(
    size=st.integers(0, 140),
    width=st.integers(1, 40),
    classes=st.integers(1, 150),
    modalities=st.integers(1, 4),
    utterances=st.integers(1, 150),
    kinds=st.lists(st.sampled_from("pn-"), min_size=8, max_size=8),
    seed=st.integers(0, 2**16),
)
def test_any_rule_over_any_identities(size, width, classes, modalities, utterances, kinds, seed):
    generator = torch.Generator().manual_seed(seed)
    z = F.normalize(torch.randn(1, size, width, generator=generator, dtype=torch.float64), dim=-1)
    spans = (classes, modalities, utterances)
    ids = torch.stack([torch.randint(-1, n, (1, size), generator=generator) for n in spans])
    codes = {kind: frozenset(c for c in range(8) if kinds[c] == kind) for kind in "pn"}
    rule = PairRule(codes["p"], codes["n"])
    ours, theirs = (
        both(f, z, ids, rule, margin=0.3) for f in (pairwise_contrast, pairwise_contrast_reference)
    )
    # of parallel rows (width 1) rounding may move s across a kink
    torch.testing.assert_close(ours[0], theirs[0])
    if width > 1:
        torch.testing.assert_close(ours[1], theirs[1])


MEMORY = """
import torch
from ariigcn_dgl.ops import PairRule, pairwise_contrast
def peak():
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
def run(size):
    z = torch.nn.functional.normalize(torch.randn(1, size, 8), dim=-1).requires_grad_()
    ids = (torch.arange(size).remainder(7)[None],) * 3
    rule = PairRule.where(lambda c, m, u: c, lambda c, m, u: not c)
    pairwise_contrast(z, *ids, rule).lse_neg.sum().backward()
run(100)
before = peak()
run(20_000)
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads Linux's peak memory")
def test_memory_grows_with_rows_not_with_pairs():
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 40  # MiB; one (N, N) tensor would take 1526
