"""Copies to a device: packed in one buffer and unpacked again."""

from __future__ import annotations

import pytest
import torch

from ariigcn_dgl.transfer import ALIGNMENT, pack, send, send_rows, unpack

TENSORS = [
    torch.arange(7),
    torch.tensor([True, False, True]),
    torch.randn(3, 5, dtype=torch.float64).T,
    torch.empty(0, 4),
    torch.tensor(2.5, dtype=torch.bfloat16),
]


def test_what_is_unpacked_is_what_was_packed():
    buffer, places = pack(TENSORS, page_locked=False)
    for tensor, again in zip(TENSORS, unpack(buffer, TENSORS, places), strict=True):
        assert again.dtype == tensor.dtype
        assert torch.equal(again, tensor)
    assert all(place % ALIGNMENT == 0 for place in places)


def test_sent_tensors_share_one_buffer_on_the_device():
    sent = send(TENSORS, "meta")
    assert [(x.shape, x.dtype) for x in sent] == [(x.shape, x.dtype) for x in TENSORS]
    assert {x.device.type for x in sent} == {"meta"}
    assert len({x.untyped_storage()._cdata for x in sent}) == 1


def test_nothing_is_copied_from_the_cpu_to_the_cpu():
    assert all(a is b for a, b in zip(send(TENSORS, "cpu"), TENSORS, strict=True))


@pytest.mark.parametrize("mask", [[], [False, False], [True, False, True, True]])
def test_rows_of_a_mask_select_what_the_mask_does(mask):
    mask, feat = torch.tensor(mask, dtype=torch.bool), torch.randn(len(mask), 3)
    assert torch.equal(feat[send_rows(mask, "cpu")], feat[mask])


def test_the_default_device_does_not_matter():
    with torch.device("meta"):
        buffer, _ = pack(TENSORS, page_locked=False)
    assert buffer.device.type == "cpu"
