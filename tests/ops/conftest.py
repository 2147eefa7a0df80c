"""What tests of operators set and must put back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch


@pytest.fixture
def float32_products() -> Iterator[Any]:
    """Return torch's settings for CUDA's products of float32, put back whatever the test does."""
    matmul = torch.backends.cuda.matmul
    before = matmul.fp32_precision
    yield matmul
    matmul.fp32_precision = before
