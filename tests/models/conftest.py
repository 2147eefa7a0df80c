"""A small batch of dialogues of up to three speakers."""

from __future__ import annotations

import pytest
import torch

from ariigcn_dgl.batch import Batch
from ariigcn_dgl.graph import Graph


@pytest.fixture
def batch() -> Batch:
    """Dialogues of 5, 1, 8 and 3 utterances, of float64; some have no audio, the last none at all.

    Speakers have numbers of the whole data set. Every utterance has a label of three classes.
    """
    generator = torch.Generator().manual_seed(0)
    lengths = torch.tensor([5, 1, 8, 3])
    speakers = torch.tensor([7, 2, 7, 7, 2, 4, 9, 4, 4, 2, 9, 9, 4, 2, 0, 1, 0])
    masks = {"text": torch.ones(17, dtype=torch.bool), "audio": torch.ones(17, dtype=torch.bool)}
    masks["audio"][[2, 9, 14, 15, 16]] = False
    return Batch(
        features={
            name: torch.randn(17, width, generator=generator, dtype=torch.float64)
            for name, width in {"text": 6, "audio": 4}.items()
        },
        masks=masks,
        labels=torch.randint(3, (17,), generator=generator),
        speakers=speakers,
        lengths=lengths,
        graph=Graph.from_dialogues(lengths, speakers, past=0, future=0),
    )
