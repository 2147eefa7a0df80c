"""Put TGAN, ICCL and IMCL into a model that knows nothing of them, and measure what they do.

python examples/plug_in.py                       # on synthetic conversations
python examples/plug_in.py --data meld_av.npz    # on a data set of yours

The model is plain torch: an LSTM per modality over the dialogue, whose states a linear layer reads
side by side. It is trained without and with the blocks: same seeds, same initial weights, same
batches, same number of steps; validation chooses the epoch, test is scored once. What the blocks
take in the training step is between the two lines of dashes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import f1_score
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from ariigcn_dgl import load_dialogues
from ariigcn_dgl.data import Dialogues, SynthConfig, synthesise
from ariigcn_dgl.data.standardise import Standardiser
from ariigcn_dgl.nn import AdversarialContrastive

HIDDEN, BATCH, RATE = 64, 16, 1e-3


class LateFusion(nn.Module):
    """Somebody's own model: returns logits, (N, C), and the state of each modality, (M, N, D)."""

    def __init__(self, widths: Mapping[str, int], num_classes: int) -> None:
        super().__init__()
        self.lstms = nn.ModuleDict(
            {m: nn.LSTM(w, HIDDEN, batch_first=True) for m, w in widths.items()}
        )
        self.dropout = nn.Dropout(0.3)
        self.classify = nn.Linear(len(widths) * HIDDEN, num_classes)

    def forward(self, tables: Mapping[str, Tensor], exists: Tensor) -> tuple[Tensor, Tensor]:
        states = torch.stack([lstm(tables[m])[0][exists] for m, lstm in self.lstms.items()])
        return self.classify(self.dropout(states.transpose(0, 1).flatten(1))), states


def batches(data: Dialogues, split: str, rng: np.random.Generator | None = None) -> Iterator[dict]:
    """Yield tables (B, T, D), where utterances stand (B, T), features, masks and labels."""
    order = data.indices(split)
    order = order if rng is None else rng.permutation(order)
    for start in range(0, len(order), BATCH):
        part = data.select(order[start : start + BATCH])
        lengths = torch.from_numpy(part.lengths)
        features = {m: torch.from_numpy(x) for m, x in part.features.items()}
        yield {
            "tables": {
                m: pad_sequence(x.split(lengths.tolist()), batch_first=True)
                for m, x in features.items()
            },
            "exists": torch.arange(int(lengths.max())) < lengths.unsqueeze(1),
            "features": features,
            "masks": {m: torch.from_numpy(x) for m, x in part.masks.items()},
            "labels": torch.from_numpy(part.labels),
        }


def train(data: Dialogues, seed: int, epochs: int, with_blocks: bool) -> float:
    """Return the weighted F1 on test, in percent, of the epoch that is best on validation."""
    torch.manual_seed(seed)
    model = LateFusion(data.widths, data.num_classes)
    blocks = AdversarialContrastive(data.widths, HIDDEN) if with_blocks else None
    own = [*model.parameters(), *(blocks.generator_parameters() if blocks else ())]
    optimizer = torch.optim.Adam(own, RATE)
    if blocks:
        against = torch.optim.Adam(blocks.discriminator_parameters(), RATE)
    rng, best, chosen = np.random.default_rng(seed), -1.0, 0.0
    for epoch in range(epochs):
        torch.manual_seed(seed * 1_000_003 + epoch)  # the same dropout, as far as it goes
        model.train()
        for batch in batches(data, "train", rng):
            logits, states = model(batch["tables"], batch["exists"])
            loss = F.cross_entropy(logits, batch["labels"], ignore_index=-1)
            if blocks:
                # --------------------------------------------------------------------------------
                against.zero_grad()
                blocks.discriminator_loss(batch["features"], states, batch["masks"]).backward()
                against.step()
                loss = loss + sum(blocks(states, batch["labels"], batch["masks"]).values())
                # --------------------------------------------------------------------------------
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        val = score(model, data, "val")
        if val > best:
            best, chosen = val, score(model, data, "test")
    return chosen


@torch.no_grad()
def score(model: LateFusion, data: Dialogues, split: str) -> float:
    """Return the weighted F1 of labelled utterances, in percent."""
    model.eval()
    found, labels = [], []
    for batch in batches(data, split):
        known = batch["labels"] >= 0
        found.append(model(batch["tables"], batch["exists"])[0].argmax(1)[known])
        labels.append(batch["labels"][known])
    return 100 * f1_score(torch.cat(labels), torch.cat(found), average="weighted", zero_division=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="a data set, as of ariigcn data check; default: synthetic")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=30)
    options = parser.parse_args()
    data = load_dialogues(options.data) if options.data else synthesise(SynthConfig())
    data = Standardiser.fit(data.split("train")).apply(data)
    scores = np.array(
        [
            [train(data, seed, options.epochs, blocks) for blocks in (False, True)]
            for seed in range(options.seeds)
        ]
    )
    for name, column in zip(("without", "with blocks"), scores.T, strict=True):
        print(f"{name:12} {column.mean():.1f} ± {column.std(ddof=1):.1f} weighted F1")
    difference = scores[:, 1] - scores[:, 0]
    print(
        f"difference   {difference.mean():+.1f} ± {difference.std(ddof=1):.1f}, by seed:", end=" "
    )
    print(", ".join(f"{x:+.1f}" for x in difference))


if __name__ == "__main__":
    main()
