"""The CUDA kernels of the pairwise contrast, unchanged, run on the CPU against the reference."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path
from typing import get_args

import pytest
import torch
from torch import Tensor

from ariigcn_dgl.ops import (
    ContrastForm,
    ContrastStats,
    MarginMode,
    PairRule,
    contrast_loss_reference,
    pairwise_contrast_reference,
)
from ariigcn_dgl.ops._precision import FP32_PRECISIONS, Fp32Precision

pytestmark = pytest.mark.slow  # kernels are compiled for the emulator

HERE = Path(__file__).parent
CSRC = HERE.parents[1] / "csrc"
KERNELS = sorted((CSRC / "cuda" / "pairwise_contrast").glob("*.cu"))
COMPILE = ["g++", "-std=c++20", "-O1", f"-I{HERE}", f"-I{CSRC}"]
LIBRARY = ["-shared", "-fPIC"]
BUILDS = {
    "sm_80": LIBRARY,
    "sm_75": [*LIBRARY, "-DEMULATED_ARCH=750"],
    "sm_90": [*LIBRARY, "-DEMULATED_ARCH=900"],
}
CODE = {torch.float32: 0, torch.float64: 1, torch.float16: 2, torch.bfloat16: 3}
RULE = PairRule.where(lambda c, m, u: c and not m, lambda c, m, u: not c and not u)
TEMPERATURE, MARGIN = 0.1, 0.4
ALL_BLOCKS = 2**32 - 1
each_dtype = pytest.mark.parametrize("dtype", CODE, ids=str)
each_shift = pytest.mark.parametrize("shifted", [True, False], ids=["shifted", "unshifted"])


@pytest.fixture(scope="session")
def builds(tmp_path_factory):
    """Compile three libraries to call."""
    folder = tmp_path_factory.mktemp("contrast")
    for name, flags in BUILDS.items():
        compile_kernels(folder / name, *flags)
    return folder


def compile_kernels(target: Path, *more: str | Path) -> None:
    command = [*COMPILE, *more, HERE / "contrast.cpp", "-x", "c++", *KERNELS, "-o", target]
    subprocess.run(command, check=True)


class Kernels:
    """Calls the launchers with tensors; everything they shall write starts as NaN."""

    def __init__(self, path: Path):
        self.library = ctypes.CDLL(path)
        self.library.contrast_part_count.restype = ctypes.c_int64

    def limit_blocks(self, count: int) -> None:
        """Launch at most so many blocks: each takes more of the work."""
        self.library.set_max_blocks(ctypes.c_uint32(count))

    def forward(
        self,
        z: Tensor,
        ids: Tensor,
        rule: PairRule = RULE,
        precision: Fp32Precision = "ieee",
        shifted: bool = True,
    ) -> Tensor:
        groups, size, _ = z.shape
        stats = nan(groups, len(ContrastStats._fields), size, dtype=acc_dtype(z))
        partial, _, counter = self.scratch(z)
        counter.zero_()
        settings = [*settings_of(rule, precision), int(shifted)]
        self._run("pairwise_contrast", z, ids, settings, z, partial, counter, stats)
        return stats

    def backward(
        self,
        grad: Tensor,
        stats: Tensor,
        z: Tensor,
        ids: Tensor,
        rule: PairRule = RULE,
        precision: Fp32Precision = "ieee",
        shifted: bool = True,
    ) -> Tensor:
        grad_z = nan(*z.shape, dtype=z.dtype)
        partial = nan(self.parts(z), *z.shape, dtype=acc_dtype(z))
        settings = [*settings_of(rule, precision), int(shifted)]
        name = "pairwise_contrast_backward"
        self._run(name, z, ids, settings, z, grad, stats, partial, grad_z)
        return grad_z

    def first_blocks_of_gradient(
        self, blocks: int, grad: Tensor, stats: Tensor, z: Tensor, ids: Tensor
    ) -> Tensor:
        """Return the gradient's only part as so many blocks without a shift left it."""
        grad_z, partial = nan(*z.shape, dtype=z.dtype), nan(*z.shape, dtype=acc_dtype(z))
        settings = [*settings_of(RULE), 0]
        self.library.set_run_blocks(blocks)
        try:
            self._run(
                "pairwise_contrast_backward", z, ids, settings, z, grad, stats, partial, grad_z
            )
        finally:
            self.library.set_run_blocks(ctypes.c_uint32(ALL_BLOCKS))
        return partial

    def loss(
        self,
        feat: Tensor,
        ids: Tensor,
        form: str = "supcon",
        mode: str = "target",
        rule: PairRule = RULE,
        shifted: bool = False,
        precision: Fp32Precision = "ieee",
    ) -> tuple[Tensor, Tensor]:
        """Return the loss and its gradient, with an incoming gradient of 2."""
        groups, size, _ = feat.shape
        dtype = acc_dtype(feat)
        codes = int64s(get_args(ContrastForm).index(form), get_args(MarginMode).index(mode))
        settings = [*settings_of(rule, precision), int(shifted), codes]
        z, inverse = nan(*feat.shape, dtype=feat.dtype), nan(groups, size, dtype=dtype)
        stats = nan(groups, len(ContrastStats._fields), size, dtype=dtype)
        slope, loss, anchors = (
            torch.full_like(stats, torch.nan),
            *(nan(1, dtype=dtype) for _ in "12"),
        )
        forward = feat, z, inverse, *self.scratch(feat), stats, slope, loss, anchors
        self._run("contrast_loss", feat, ids, settings, *forward)
        grad_feat, grad = nan(*feat.shape, dtype=feat.dtype), torch.full_like(loss, 2)
        partial = nan(self.parts(z), *z.shape, dtype=dtype)
        backward = feat, z, inverse, slope, stats, grad, anchors, partial, grad_feat
        self._run("contrast_loss_backward", feat, ids, settings, *backward)
        return loss[0], grad_feat

    def scratch(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return partial statistics, sums of tiles and counters, none of them set."""
        counts = int64s(0, 0, 0)
        self.library.contrast_scratch(int64s(*z.shape), counts)
        partial, total = (nan(count, dtype=acc_dtype(z)) for count in counts[:2])
        return partial, total, torch.full([counts[2]], 7, dtype=torch.int32)

    def parts(self, z: Tensor) -> int:
        return self.library.contrast_part_count(int64s(*z.shape))

    def _run(self, name: str, z: Tensor, ids: Tensor, settings: list, *tensors: Tensor) -> None:
        pointers = [ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors]
        of_ids = (ctypes.c_void_p * 3)(*(one.data_ptr() for one in ids))
        call = getattr(self.library, name)
        assert call(CODE[z.dtype], int64s(*z.shape), of_ids, *settings, *pointers) == 0


def settings_of(rule: PairRule, precision: Fp32Precision = "ieee") -> list:
    bits = [sum(1 << code for code in codes) for codes in (rule.positives, rule.negatives)]
    temperature_and_margin = (ctypes.c_double * 2)(TEMPERATURE, MARGIN)
    return [int64s(*bits), temperature_and_margin, FP32_PRECISIONS.index(precision)]


@pytest.fixture(scope="session")
def loaded(builds):
    return {name: Kernels(builds / name) for name in ("sm_80", "sm_75", "sm_90")}


@pytest.fixture
def kernels(loaded):
    loaded["sm_80"].limit_blocks(ALL_BLOCKS)
    return loaded["sm_80"]


def nan(*size: int, dtype: torch.dtype) -> Tensor:
    return torch.full(size, torch.nan, dtype=dtype)


def acc_dtype(z: Tensor) -> torch.dtype:
    return torch.float64 if z.dtype == torch.float64 else torch.float32


def int64s(*values: int) -> ctypes.Array:
    return (ctypes.c_int64 * len(values))(*values)


def unit_rows(
    groups: int, rows: int, width: int, dtype: torch.dtype, classes: int = 3
) -> tuple[Tensor, Tensor]:
    """Return rows (G, N, D) and identities (3, G, N); some rows have no label."""
    generator = torch.Generator().manual_seed(rows)
    z = torch.randn(groups, rows, width, generator=generator, dtype=torch.float64)
    sizes = (classes + 1, 3, 6)
    ids = torch.stack([torch.randint(n, (groups, rows), generator=generator) for n in sizes])
    ids[0] -= 1
    return torch.nn.functional.normalize(z, dim=-1).to(dtype), ids


def exact(z: Tensor, ids: Tensor, rule: PairRule = RULE) -> tuple[Tensor, Tensor, Tensor]:
    """Return the statistics, a gradient by them, and the gradient by z, in float64."""
    z = z.double().requires_grad_()
    settings = {"temperature": TEMPERATURE, "margin": MARGIN}
    stats = torch.stack(pairwise_contrast_reference(z, *ids, rule, **settings), dim=1)
    generator = torch.Generator().manual_seed(1)
    grad = torch.randn(stats.shape, generator=generator, dtype=torch.float64)
    return stats.detach(), grad, torch.autograd.grad(stats, z, grad)[0]


# Of the largest value. Products of halves and of tf32 are exact: their sums are as precise as those
# of floats; the weights of the gradient, and its elements, are rounded.
TOLERANCE = {torch.float64: 1e-13, torch.float32: 2e-6, torch.float16: 2e-3, torch.bfloat16: 8e-3}
TF32 = 1e-3


def assert_close(actual: Tensor, wanted: Tensor, error: float) -> None:
    """Compare with a float64 answer, relative to the largest element."""
    assert actual.shape == wanted.shape
    scale = float(wanted.abs().amax()) if wanted.numel() else 1.0
    torch.testing.assert_close(actual.double(), wanted, rtol=0, atol=error * max(scale, 1e-30))


def check(
    kernels: Kernels, z: Tensor, ids: Tensor, rule: PairRule = RULE, **options: object
) -> None:
    stats, grad, grad_z = exact(z, ids, rule)
    found = kernels.forward(z, ids, rule, **options)
    error = TOLERANCE[found.dtype]
    for k, name in enumerate(ContrastStats._fields):
        assert_close(found[:, k], stats[:, k], 0 if "count" in name else error)
    given = grad.to(found.dtype), stats.to(found.dtype)
    error = TF32 if options.get("precision") == "tf32" else TOLERANCE[z.dtype]
    assert_close(kernels.backward(*given, z, ids, rule, **options), grad_z, error)


@pytest.mark.parametrize(
    ("groups", "rows", "width"), [(0, 3, 2), (1, 0, 3), (1, 3, 0), (1, 1, 3), (2, 5, 1), (1, 9, 67)]
)
@each_dtype
def test_small_shapes_match_the_reference(kernels, groups, rows, width, dtype):
    check(kernels, *unit_rows(groups, rows, width, dtype))


@each_shift
@each_dtype
def test_several_tiles_match_the_reference(kernels, dtype, shifted):
    check(kernels, *unit_rows(1, 130, 17, dtype), shifted=shifted)


@pytest.mark.parametrize(
    ("dtype", "width"),
    [(torch.float64, 72), (torch.float32, 136), (torch.float16, 264), (torch.bfloat16, 264)],
    ids=str,
)
def test_more_columns_than_a_block_sums_up_match_the_reference(kernels, dtype, width):
    check(kernels, *unit_rows(1, 65, width, dtype))


def to_tf32(z: Tensor) -> Tensor:
    """Round to 10 bits of mantissa, as the tensor cores' inputs are."""
    return ((z.view(torch.int32) + 0x1000) & ~0x1FFF).view(torch.float32)


@pytest.mark.parametrize(("rows", "width"), [(9, 5), (66, 132)])
def test_floats_as_tf32_match_the_reference(kernels, rows, width):
    z, ids = unit_rows(1, rows, width, torch.float32)
    check(kernels, to_tf32(z), ids, precision="tf32")
    rounded = [kernels.forward(one, ids, precision="tf32") for one in (z, to_tf32(z))]
    assert torch.equal(*rounded)


@each_shift
@pytest.mark.parametrize(("rows", "width"), [(9, 5), (66, 132)])
def test_floats_as_sums_of_tf32s_match_the_reference(kernels, rows, width, shifted):
    z, ids = unit_rows(1, rows, width, torch.float32)
    check(kernels, z, ids, precision="tf32x3", shifted=shifted)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_devices_without_tensor_cores_match_the_reference(loaded, dtype):
    check(loaded["sm_75"], *unit_rows(1, 66, 67, dtype))


HALVES = (torch.float16, torch.bfloat16)
# Rows of halves that sm_90 takes as a whole: of 3 slabs and of 4, whole ones and parts of one.
WHOLE = (136, 192, 200, 256)


@pytest.mark.parametrize("width", WHOLE)
@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_rows_taken_as_a_whole_match_the_reference(loaded, dtype, width):
    check(loaded["sm_90"], *unit_rows(1, 130, width, dtype), shifted=False)


@pytest.mark.parametrize("width", WHOLE[1:3])
@pytest.mark.parametrize("form", get_args(ContrastForm))
def test_losses_of_rows_taken_as_a_whole_match_the_reference(loaded, form, width):
    feat, ids = unit_rows(1, 66, width, torch.bfloat16)
    expected, expected_grad = exact_loss(feat, ids, form, "target")
    loss, grad = loaded["sm_90"].loss(feat, ids, form)
    assert_close(loss, expected, 10 * TOLERANCE[torch.bfloat16])
    assert_close(grad, expected_grad, 10 * TOLERANCE[torch.bfloat16])


@pytest.mark.parametrize("width", WHOLE)
@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_blocks_with_several_tiles_of_columns_match_the_reference(loaded, dtype, width):
    kernels = loaded["sm_90"]
    z, ids = unit_rows(128, 130, width, dtype)  # so many groups that no tile of rows is shared
    assert kernels.parts(z) == 1
    ids[0, 0, 64:128] = -1  # a tile without pairs
    stats, grad, grad_z = exact(z[:1], ids[:, :1])
    given = [torch.zeros(128, *one.shape[1:]) for one in (grad, stats)]
    given[0][0], given[1][0] = grad[0], stats[0]
    partial = kernels.first_blocks_of_gradient(3, *given, z, ids)
    assert_close(partial[0], grad_z[0], TOLERANCE[dtype])
    assert partial[1].isnan().all()


def test_floats_are_not_rounded_to_tf32_unless_allowed(kernels):
    z, ids = unit_rows(1, 9, 20, torch.float32)
    stats = exact(z, ids)[0]
    found = (kernels.forward(z, ids, precision=precision) for precision in FP32_PRECISIONS)
    errors = [(one - stats).abs().amax() for one in found]
    assert max(errors[:2]) < 2e-6
    assert errors[2] > 1e-5


def test_statistics_of_three_rows_by_hand(kernels):
    z = torch.tensor([[[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]])
    label = torch.tensor([[0, 0, 1]])
    rule = PairRule.where(lambda c, m, u: c, lambda c, m, u: not c)
    stats = kernels.forward(z, torch.stack([label, label * 0, torch.arange(3)[None]]), rule)
    assert stats[0, 0].tolist() == [1, 1, 0]
    assert stats[0, 1].tolist() == [1, 1, 2]
    torch.testing.assert_close(stats[0, 2], torch.tensor([0.6, 0.6, 0]))
    torch.testing.assert_close(stats[0, 4], torch.tensor([6.0, 6.0, 0]))  # 0.6 / temperature
    torch.testing.assert_close(
        stats[0, 5], torch.tensor([0, 8, 8 + torch.exp(torch.tensor(-8.0)).log1p()])
    )
    torch.testing.assert_close(stats[0, 6], torch.tensor([0.2, 0.2, 0]))  # from the margin 0.4
    torch.testing.assert_close(stats[0, 7], torch.tensor([0, 0.8, 0.8]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_rows_without_pairs_give_zeros(kernels, dtype):
    z, ids = unit_rows(2, 70, 8, dtype)
    ids[0] = -1
    ids[0, 1, :2] = 1  # a positive pair, or two ignored rows, and no negatives
    stats = kernels.forward(z, ids)
    assert stats[0].abs().amax() == 0
    assert stats[:, 1::2].abs().amax() == 0
    grad_z = kernels.backward(torch.ones_like(stats), stats, z, ids)
    assert grad_z[0].abs().amax() == 0
    assert grad_z[1, 2:].abs().amax() == 0


def test_similarities_beyond_exp(kernels):
    z, ids = unit_rows(1, 40, 6, torch.float32)
    z *= 40  # similarities up to 1600, over the temperature 16000
    stats = exact(z, ids)[0]
    assert_close(kernels.forward(z, ids), stats, 1e-6)


def test_float16_gradients_with_weights_below_its_range(kernels):
    z, ids = unit_rows(1, 40, 6, torch.float16)
    stats, grad, grad_z = exact(z, ids)
    found = kernels.backward((grad * 2.0**-20).float(), stats.float(), z, ids)
    assert_close(found.double() * 2.0**20, grad_z, TOLERANCE[torch.float16])


def test_identities_are_compared_as_whole_int64s(kernels):
    z, ids = unit_rows(1, 12, 4, torch.float32)
    wide = ids * 2**33
    wide[0] = torch.where(ids[0] < 0, -1, wide[0])
    assert torch.equal(kernels.forward(z, wide), kernels.forward(z, ids))


@pytest.mark.parametrize(
    ("arch", "width", "shifted"), [("sm_80", 8, True), ("sm_80", 8, False), ("sm_90", 136, False)]
)
def test_identities_beyond_a_key_give_the_same_bits(loaded, arch, width, shifted):
    kernels = loaded[arch]
    z, ids = unit_rows(1, 130, width, torch.bfloat16)
    moved = ids + torch.tensor([1021, 6, 2**15 - 3]).view(3, 1, 1)  # some fit into a key, some not
    moved[0] = torch.where(ids[0] < 0, -1, moved[0])
    given = [kernels.forward(z, one, shifted=shifted) for one in (ids, moved)]
    assert torch.equal(*given)
    back = [
        kernels.backward(given[0].cos(), given[0], z, one, shifted=shifted) for one in (ids, moved)
    ]
    assert torch.equal(*back)


@pytest.mark.parametrize("code", range(8))
def test_every_code_is_told_apart(kernels, code):
    z, ids = unit_rows(1, 66, 4, torch.float32)
    rule = PairRule(frozenset([code]), frozenset(range(8)) - {code})
    found = kernels.forward(z, ids, rule)
    assert torch.equal(found[:, :2].double(), exact(z, ids, rule)[0][:, :2])
    assert found[:, 0].sum() > 0


def exact_loss(feat: Tensor, ids: Tensor, form: str, mode: str) -> tuple[Tensor, Tensor]:
    """Return the loss and twice its gradient, in float64."""
    feat = feat.double().requires_grad_()
    options = {"form": form, "margin_mode": mode, "temperature": TEMPERATURE, "margin": MARGIN}
    loss = contrast_loss_reference(feat, *ids, RULE, **options)
    return loss.detach(), torch.autograd.grad(2 * loss, feat)[0]


@pytest.mark.parametrize("mode", get_args(MarginMode))
@pytest.mark.parametrize("form", get_args(ContrastForm))
def test_losses_match_the_reference(kernels, form, mode):
    feat, ids = unit_rows(2, 66, 9, torch.float32)
    feat *= torch.arange(1, 67).view(-1, 1)  # whose rows have any length
    expected, expected_grad = exact_loss(feat, ids, form, mode)
    loss, grad = kernels.loss(feat, ids, form, mode)
    assert_close(loss, expected, 2e-6)
    assert_close(grad, expected_grad, 1e-5)


@pytest.mark.parametrize("form", get_args(ContrastForm))
def test_losses_of_sums_of_tf32s_match_the_reference(kernels, form):
    feat, ids = unit_rows(1, 66, 40, torch.float32)
    expected, expected_grad = exact_loss(feat, ids, form, "target")
    loss, grad = kernels.loss(feat, ids, form, precision="tf32x3")
    assert_close(loss, expected, 2e-6)
    assert_close(grad, expected_grad, 1e-5)


@each_shift
@each_dtype
def test_losses_of_every_dtype_match_the_reference(kernels, dtype, shifted):
    feat, ids = unit_rows(1, 130, 72, dtype)
    expected, expected_grad = exact_loss(feat, ids, "supcon", "target")
    loss, grad = kernels.loss(feat, ids, shifted=shifted)
    assert_close(loss, expected, 10 * TOLERANCE[dtype])
    assert_close(grad, expected_grad, 10 * TOLERANCE[dtype])


def test_rows_that_are_left_out_of_a_loss_get_no_gradient(kernels):
    feat, ids = unit_rows(1, 12, 5, torch.float32)
    ids[0, 0, :2] = torch.tensor([-1, 1])
    feat[0, 0], feat[0, 1] = torch.nan, 0
    loss, grad = kernels.loss(feat, ids)
    assert loss.isfinite()
    assert grad.isfinite().all()
    assert grad[0, :2].abs().sum() == 0


@pytest.mark.parametrize("value", [torch.inf, torch.nan, 1e20])
def test_a_row_without_length_makes_no_number(kernels, value):
    feat, ids = unit_rows(1, 12, 5, torch.float32)
    feat[0, 0, 0], ids[0, 0, 0] = value, 1
    loss, grad = kernels.loss(feat, ids)
    assert loss.isnan()
    assert grad.isnan().any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_losses_do_not_depend_on_the_number_of_blocks(kernels, dtype):
    feat, ids = unit_rows(2, 130, 9, dtype)
    answers = []
    for blocks in (ALL_BLOCKS, 3):
        kernels.limit_blocks(blocks)
        answers.append(kernels.loss(feat, ids))
    assert all(torch.equal(a, b) for a, b in zip(*answers, strict=True))


def test_a_loss_and_its_gradient_take_four_launches(kernels):
    feat, ids = unit_rows(1, 66, 8, torch.bfloat16)
    before = kernels.library.launch_count()
    kernels.loss(feat, ids)
    assert kernels.library.launch_count() - before == 4


@pytest.mark.parametrize(
    ("arch", "dtype", "width", "shifted"),
    [
        ("sm_80", torch.float32, 9, True),
        ("sm_80", torch.bfloat16, 9, True),
        ("sm_90", torch.bfloat16, 200, False),
    ],
    ids=str,
)
def test_results_do_not_depend_on_the_number_of_blocks(loaded, arch, dtype, width, shifted):
    kernels = loaded[arch]
    z, ids = unit_rows(2, 66, width, dtype)
    answers = []
    for blocks in (ALL_BLOCKS, 3):
        kernels.limit_blocks(blocks)
        stats = kernels.forward(z, ids, shifted=shifted)
        answers.append((stats, kernels.backward(stats.cos(), stats, z, ids, shifted=shifted)))
    kernels.limit_blocks(ALL_BLOCKS)
    assert all(torch.equal(a, b) for a, b in zip(*answers, strict=True))


def test_pairs_are_shared_by_more_blocks_where_rows_are_few(kernels):
    def of(groups, rows):
        return kernels.library.contrast_part_count(int64s(groups, rows, 1))

    assert [of(1, 64), of(1, 320), of(3, 320), of(1, 1600), of(1, 32768)] == [1, 5, 5, 20, 1]


def test_nothing_is_launched_for_nothing(kernels):
    before = kernels.library.launch_count()
    z, ids = unit_rows(3, 0, 4, torch.float32)
    stats = kernels.forward(z, ids)
    kernels.backward(stats, stats, z, ids)
    assert kernels.library.launch_count() == before


@pytest.mark.exhaustive
@pytest.mark.parametrize("sanitizer", ["thread", "address"])
def test_no_race_and_no_access_out_of_bounds(sanitizer, tmp_path):
    flags = f"-fsanitize={sanitizer}", "-DEMULATED_ARCH=900"
    compile_kernels(tmp_path / "check", *flags, HERE / "contrast_check.cpp")
    done = subprocess.run([tmp_path / "check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "32 launches, error 0\n")
