"""Searches whose candidates Optuna proposes, one after another, and prunes by validation."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any

from ariigcn_dgl.errors import InputError
from ariigcn_dgl.experiments.queue import Monitor, Supply
from ariigcn_dgl.experiments.resolve import Candidate
from ariigcn_dgl.experiments.row_result import Part, Tried
from ariigcn_dgl.experiments.runs import Run
from ariigcn_dgl.experiments.study import Range, lowest
from ariigcn_dgl.optional import require
from ariigcn_dgl.training.metrics import HEADLINE
from ariigcn_dgl.training.run_folder import METRICS_FILE
from ariigcn_dgl.training.run_record import read_metrics

EXTRA = "search"
TRIALS_FILE = "trials.db"
DEFAULT_METRIC = HEADLINE[0]
NUMBER = "number"  # attribute of a trial all of whose values are drawn: its place in the search
# Optuna's own of its median pruner: a median of fewer says little.
UNPRUNED_TRIALS = 5
# The learning rate warms up over an epoch, and averaged weights begin where they were drawn.
UNPRUNED_EPOCHS = 5

MakeTried = Callable[[Part, Candidate], Tried]


@contextlib.contextmanager
def sampled_search(
    path: Path,
    parts: Sequence[Part],
    trials: int,
    make: MakeTried,
    monitor: Monitor,
    retry: bool = False,
) -> Iterator[SampledSearch]:
    """Yield the searches of a study's settings, as far as an earlier process has come.

    Parameters
    ----------
    path : Path
        File of the trials, new or of the same folder; a setting, space or data set that has changed
        begins a new search in it.
    parts : sequence of Part
        Settings without a problem; their `search` is filled as it goes on.
    trials : int
        Number of trials of each.
    make : callable
        Makes a candidate's run.
    monitor : Monitor
        Is told of trials that need no process.
    retry : bool
        Try runs again that failed earlier.

    Raises
    ------
    InputError
        If Optuna is not installed, or the file is damaged or cannot be written.
    """
    optuna, sqlalchemy = require("optuna", EXTRA), require("sqlalchemy", EXTRA)
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # the monitor says what happens
    url = sqlalchemy.URL.create("sqlite", database=str(path.absolute())).render_as_string()
    try:
        storage = optuna.storages.RDBStorage(url)
        try:
            searches = [_PartSearch(optuna, storage, part, trials, make) for part in parts]
            yield SampledSearch(searches, monitor, retry)
        finally:
            storage.remove_session()
            storage.engine.dispose()
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        reason = " ".join(str(error.__cause__ or error).partition("\n")[0].split())
        raise InputError(
            f"{path}: damaged or cannot be written ({reason}); without the file the search begins "
            "anew, and finished runs count"
        ) from error


class SampledSearch(Supply):
    """Supplies runs of the settings in turn, so that all get on alike.

    Parameters
    ----------
    searches : sequence of _PartSearch
    monitor : Monitor
    retry : bool
        As of `sampled_search`.
    """

    def __init__(self, searches: Sequence[_PartSearch], monitor: Monitor, retry: bool) -> None:
        self.searches = searches
        self.monitor = monitor
        self.retry = retry
        self.trials = {one.run: one for search in searches for one in search.trials}
        self.waiting = [one for one in self.trials.values() if not self.settled(one)]

    @property
    def runs(self) -> list[Run]:
        """Of all trials so far."""
        return list(self.trials)

    @property
    def todo(self) -> list[Run]:
        """Of trials that were begun and have no end."""
        return [one.run for one in self.waiting]

    @property
    def later(self) -> int:
        """Number of trials whose values are not drawn yet."""
        return sum(search.wanted - len(search.trials) for search in self.searches)

    def settled(self, one: _Trial) -> bool:
        """Whether nothing is left to do for a trial."""
        ended = one.told and (one.tried.pruned or one.run.status == "done")
        return bool(ended) or (one.run.status == "failed" and not self.retry)

    def next(self, busy: Collection[str]) -> Run | None:
        """Return the next run that needs a process; draw trials until there is one."""
        while True:
            free = [one for one in self.waiting if one.run.key not in busy]
            if not free and not self.draw():
                return None
            for one in free[:1]:
                self.waiting.remove(one)
                if not self.known(one):
                    return one.run

    def draw(self) -> bool:
        """Draw a trial of the setting that has the fewest; return whether one had too few."""
        if not self.later:
            return False
        one = min(self.searches, key=lambda search: len(search.trials)).draw()
        self.trials[one.run] = one
        self.waiting.append(one)
        return True

    def known(self, one: _Trial) -> bool:
        """Settle a trial, and tell the monitor, if what its run folder holds already is enough."""
        why = self.ended(one.run)
        if why:
            self.monitor.stopped(one.run, why)
        elif self.settled(one):
            self.monitor.ended(one.run)
        return self.settled(one)

    def unwanted(self, run: Run) -> bool:
        """Whether the median of earlier trials is better than a run."""
        return self.trials[run].prunes()

    def ended(self, run: Run) -> str:
        """Store how a trial ended; return that it was pruned, if it was."""
        one = self.trials[run]
        one.end()
        return one.tried.result.reason if one.tried.pruned else ""


class _PartSearch:
    """One setting's search in one fold."""

    def __init__(
        self, optuna: ModuleType, storage: Any, part: Part, wanted: int, make: MakeTried
    ) -> None:
        self.optuna = optuna
        self.part = part
        self.wanted = wanted
        self.make = make
        self.study = optuna.create_study(
            storage=storage,
            study_name=self.name(),
            direction="maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(UNPRUNED_TRIALS, UNPRUNED_EPOCHS),
        )
        setting = part.row.setting
        self.distributions = {
            name: self.distribution(attrgetter(name)(setting.config()), values)
            for name, values in setting.space.items()
        }
        self.trials: list[_Trial] = []
        self.load()

    def name(self) -> str:
        """Return what a search is another one without: its setting, data set and space."""
        row = self.part.row
        some = self.make(self.part, row.candidate(lowest(row.setting.space)))
        decides = f"{row.setting.name} {some.run.key} {row.setting.space}"
        if some.scoring.metric != DEFAULT_METRIC:  # which earlier versions took for granted
            decides += f" {some.scoring.metric}"
        return f"{row.setting.name} {hashlib.sha256(decides.encode()).hexdigest()[:16]}"

    def distribution(self, now: object, values: tuple[Any, ...] | Range) -> Any:
        """Return the values of one setting, whose value is `now` otherwise, as Optuna's."""
        kinds = self.optuna.distributions
        if isinstance(values, tuple):
            return kinds.CategoricalDistribution(values)
        ends = (values.low, values.high)
        # YAML's 0 and 1 are whole; a dropout between them is not.
        whole = all(isinstance(end, int) for end in ends) and not isinstance(now, float)
        kind = kinds.IntDistribution if whole else kinds.FloatDistribution
        return kind(*ends, log=values.log)

    def load(self) -> None:
        """Take up the trials of an earlier process."""
        states = self.optuna.trial.TrialState
        for found in self.study.get_trials(deepcopy=False):
            if NUMBER in found.user_attrs:
                if found.user_attrs[NUMBER] < self.wanted:
                    self.add(found)
            elif found.state == states.RUNNING:  # killed before all its values were stored
                self.study.tell(found.number, state=states.FAIL)

    def draw(self) -> _Trial:
        """Return a new trial."""
        number = len(self.trials)
        # By its number alone, so that a search that was stopped draws what it would have drawn.
        self.study.sampler = self.optuna.samplers.TPESampler(seed=number)
        trial = self.study.ask(self.distributions)
        trial.set_user_attr(NUMBER, number)
        return self.add(self.study.get_trials(deepcopy=False)[trial.number])

    def add(self, found: Any) -> _Trial:
        changes = {name: found.params[name] for name in self.distributions}
        tried = self.make(self.part, self.part.row.candidate(changes))
        self.part.search.append(tried)
        self.trials.append(_Trial(self.optuna, self.study, found, tried))
        return self.trials[-1]


class _Trial:
    """One trial: what Optuna's file knows of it, and its run.

    A failed one is left running in the file, for it may be tried again: the sampler avoids its
    neighbourhood meanwhile.
    """

    def __init__(self, optuna: ModuleType, study: Any, found: Any, tried: Tried) -> None:
        self.study = study
        self.number = found.number
        self.states = optuna.trial.TrialState
        self.tried = tried
        self.run = tried.run
        metric = tried.scoring.metric
        self.column, self.merit = f"val_{metric}", tried.scoring.columns[metric].merit
        self.told = found.state != self.states.RUNNING
        self.trial: Any = None if self.told else optuna.trial.Trial(study, found._trial_id)
        self.last = max(found.intermediate_values, default=0)  # epoch that Optuna knows of
        self.seen = 0  # epochs that were read
        if found.state == self.states.PRUNED:
            tried.pruned = self.last
        if self.run.status == "done":
            self.run.tidy()

    def prunes(self) -> bool:
        """Whether the epochs so far, one after another, are enough to prune the trial.

        Read from the run's folder, not heard from its process, so that a process that is faster
        than the queue, or was killed, changes no decision.
        """
        if self.told or self.tried.pruned or self.run.epochs_done == self.seen:
            return self.tried.pruned > 0
        records = read_metrics(self.run.seed_folder.path / METRICS_FILE)
        new, self.seen = records[self.seen :], len(records)
        scored = [record for record in new if self.column in record]
        self.tried.pruned = next((one["epoch"] for one in scored if self._prunes_at(one)), 0)
        return self.tried.pruned > 0

    def _prunes_at(self, record: dict[str, Any]) -> bool:
        epoch = record["epoch"]
        if epoch < self.last:  # judged by an earlier process
            return False
        if epoch > self.last:
            self.trial.report(self.merit(record[self.column]), epoch)
            self.last = epoch
        # After the last epoch there is nothing to be saved.
        return epoch < self.run.epochs and bool(self.trial.should_prune())

    def end(self) -> None:
        """Store how the trial ended, if it has."""
        if self.told:
            return
        if self.prunes():
            self.study.tell(self.number, state=self.states.PRUNED)
        elif self.run.status == "done":
            self.study.tell(self.number, self.tried.score)
        else:
            return
        self.told = True
