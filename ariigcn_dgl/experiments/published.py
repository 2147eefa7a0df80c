"""The paper's numbers, for data sets with the paper's test split."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import yaml

from ariigcn_dgl.data import Dialogues
from ariigcn_dgl.files import read_text

FILE = Path(__file__).with_name("published.yaml")


def published(study: str, dialogues: Dialogues) -> Mapping[str, Mapping[str, float]]:
    """Return the paper's scores by setting; none where the test split is not the paper's.

    They were measured on other features, so they are shown beside ours, not compared.

    Parameters
    ----------
    study : str
        One of the package's studies.
    dialogues : Dialogues
    """
    labels = dialogues.part("test").labels
    counts = sorted(np.bincount(labels[labels >= 0], minlength=dialogues.num_classes))
    for content in yaml.safe_load(read_text(FILE)).values():
        if sorted(content["test"]) == counts:
            return content.get(study, {})
    return {}
