"""The dialogues of the test split, and what runs say about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ariigcn_dgl.data import Dialogues, fingerprint
from ariigcn_dgl.data.folds import Fold, with_fold
from ariigcn_dgl.errors import InputError
from ariigcn_dgl.report.clouds import Cloud, clouds
from ariigcn_dgl.report.conversation import Conversation, Utterance
from ariigcn_dgl.report.farthest import Farthest, farthest
from ariigcn_dgl.report.inside import Inside, look_inside
from ariigcn_dgl.report.mistakes import Mistake, mistakes
from ariigcn_dgl.report.run_files import RunFiles
from ariigcn_dgl.report.target_charts import View, reaches_of, view
from ariigcn_dgl.training.predict import score_probabilities
from ariigcn_dgl.training.target_answers import TargetAnswers
from ariigcn_dgl.training.trained import TrainedRun

MOST_UTTERANCES = 5000  # a browser still opens the page at once


@dataclass(frozen=True)
class Looked:
    """What a run does with the dialogues; of the seed with the best validation score.

    Parameters
    ----------
    run : RunFiles
    seed : int
    inside : Inside
    clouds : sequence of Cloud
    mistakes : sequence of Mistake
    """

    run: RunFiles
    seed: int
    inside: Inside
    clouds: Sequence[Cloud]
    mistakes: Sequence[Mistake]

    def without(self) -> list[tuple[str, float, float]]:
        """Return weighted F1 and accuracy with all modalities, and without each one."""
        dialogues, answers = self.inside.dialogues, self.inside.answers
        scores = {"all": np.concatenate([answer.probabilities for answer in answers])}
        for name in answers[0].without:
            scores[name] = np.concatenate([answer.without[name] for answer in answers])
        found = {
            name: score_probabilities(dialogues, p, dialogues.label_names)
            for name, p in scores.items()
        }
        return [(name, one.weighted_f1, one.accuracy) for name, one in found.items()]


def as_tested(dialogues: Dialogues, runs: Sequence[RunFiles]) -> Dialogues:
    """Return the dialogues split as the runs split them: with their fold of a cross-validation.

    Raises
    ------
    InputError
        If the runs are of different folds, which test different dialogues.
    """
    folds = {None if run.plan["fold"] is None else Fold(**run.plan["fold"]) for run in runs}
    if len(folds) > 1:
        raise InputError(
            "the runs are of different folds and test different dialogues: leave --data out, or "
            "name runs of one fold"
        )
    (fold,) = folds
    return dialogues if fold is None else with_fold(dialogues, fold)


def look(run: RunFiles, dialogues: Dialogues, device: str = "cpu") -> Looked:
    """Apply a run to the test split of the data set that it was trained on.

    Parameters
    ----------
    run : RunFiles
    dialogues : Dialogues
        The whole set; the run may have been trained on some of its modalities.
    device : str
        Where to compute.

    Raises
    ------
    InputError
        If it is another data set, or a file of the run is damaged.
    """
    known, seed = trained_on(run, dialogues), run.best_seed
    trained = TrainedRun(seed.folder, device)
    inside = look_inside(trained, shown(known))
    return Looked(run, seed.number, inside, clouds(trained, inside), mistakes(inside))


def trained_on(run: RunFiles, dialogues: Dialogues) -> Dialogues:
    """Return the dialogues with the modalities of a run; `InputError` where it knows others."""
    names = run.plan["modalities"]
    known = dialogues if names is None else dialogues.with_modalities(names)
    if fingerprint(known) != run.record["dataset_sha256"]:
        raise InputError(
            f"{dialogues.name}: is not the data set that {run.name} was trained on "
            f"({run.record['dataset']}), or has changed since: leave --data out, or name the one "
            "of the training"
        )
    return known


def shown(dialogues: Dialogues) -> Dialogues:
    """Return as many whole test dialogues as a page can hold, at least one."""
    test = dialogues.indices("test")
    fit = int((np.cumsum(dialogues.lengths[test]) <= MOST_UTTERANCES).sum())
    return dialogues.select(test[: max(fit, 1)])


def extent(dialogues: Dialogues) -> str:
    """Say which dialogues are shown."""
    part, all_of_them = shown(dialogues), len(dialogues.indices("test"))
    count = f"{part.num_utterances:,} utterances"
    if part.num_dialogues < all_of_them:
        return f"The first {part.num_dialogues} of {all_of_them} test dialogues, {count}."
    return f"The test split: {all_of_them} dialogues, {count}."


def said_of_targets(
    run: RunFiles, dialogues: Dialogues, device: str = "cpu"
) -> list[TargetAnswers]:
    """Return what the seed of a run with the best validation score says of the shown dialogues.

    Of the targets beside classes; the parameters are those of `look`.
    """
    trained = TrainedRun(run.best_seed.folder, device)
    adapted = trained.adapt(shown(trained_on(run, dialogues)))
    return trained.scoring.other_answers(trained.probabilities(adapted), adapted)


def views(said: Sequence[TargetAnswers], dialogues: Dialogues) -> list[View]:
    """Return the shown dialogues with what is said of their utterances; none without targets."""
    if not said:
        return []
    part, reaches = shown(dialogues), reaches_of(said)
    return [
        view(one, [x.select(part.rows(b)) for x in said], reaches)
        for b, one in enumerate(conversations(part))
    ]


def farthest_off(said: Sequence[TargetAnswers], dialogues: Dialogues) -> list[Farthest]:
    """Return where the answers to the shown dialogues are farthest off; see `farthest`."""
    return farthest(said, shown(dialogues)) if said else []


def conversations(dialogues: Dialogues) -> list[Conversation]:
    """Return dialogues as the browser shows them."""
    found = []
    for b, name in enumerate(dialogues.dialogue_ids):
        rows = dialogues.rows(b)
        utterances = [_utterance(dialogues, row) for row in range(rows.start, rows.stop)]
        found.append(Conversation(name, utterances))
    return found


def _utterance(dialogues: Dialogues, row: int) -> Utterance:
    label = int(dialogues.labels[row])
    return Utterance(
        dialogues.utterance_ids[row],
        dialogues.speaker_names[dialogues.speakers[row]],
        dialogues.label_names[label] if label >= 0 else None,
        text=dialogues.words[row] if dialogues.words else "",
        modalities=[name for name, mask in dialogues.masks.items() if mask[row]],
    )
