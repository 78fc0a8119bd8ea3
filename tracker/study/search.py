"""The trials of a search: settings drawn by optuna, each scored on the training sequences.

The sampler is TPE (Bergstra 2011, "Algorithms for hyper-parameter optimization"). Each trial draws from a generator of
its own, seeded by the seed and the trial's number, so that a search which was interrupted ends where one that was not
does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tracker.algorithms import algorithm, parameters
from tracker.settings import Range
from tracker.study.choices import Metric
from tracker.study.fold import Fold, Scores
from tracker.study.journal import complete
from tracker.study.space import CONF, Space

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, Trial

Progress = Callable[[int, float, int, float], None]  # trial, its value, best trial, its value


@dataclass(frozen=True)
class Search:
    """What is searched.

    algo    the algorithm
    held    settings that every trial has, and conf, the least score of a detection
    space   what is drawn
    metric  what is made large
    seed    another seed, other trials
    """

    algo: str
    held: dict[str, Any]
    conf: float | None
    space: Space
    metric: Metric
    seed: int

    def run(self, study: Study, fold: Fold, trials: int, progress: Progress | None) -> bool:
        """Trials until there are as many as asked for, and the start before them; whether it was interrupted."""
        import optuna

        distributions = {name: _distribution(where) for name, where in self.space.items()}
        values = [float(trial.value or 0.0) for trial in complete(study)]
        trial = None
        try:
            if not values:
                values.append(self._start(study, fold, distributions))
            for number in range(len(values), trials + 1):
                drawn = int(np.random.SeedSequence([self.seed, number]).generate_state(1)[0])
                study.sampler = optuna.samplers.TPESampler(seed=drawn, constant_liar=False)
                trial = study.ask(distributions)
                values.append(self._finish(study, trial, fold))
                trial = None
                if progress is not None:
                    best = best_of(values)
                    progress(number, values[-1], best, values[best])
        except KeyboardInterrupt:
            if trial is not None:
                study.tell(trial, state=optuna.trial.TrialState.FAIL, skip_if_finished=True)
            return True
        return False

    def _finish(self, study: Study, trial: Trial, fold: Fold) -> float:
        """Score a trial and keep it."""
        values = {name: _rounded(value, self.space[name]) for name, value in trial.params.items()}
        least = values.pop(CONF, self.conf)
        settings = {**self.held, **values}
        scores = fold.score(self.algo, settings, least)
        for key, value in _attributes(settings, least, scores).items():
            trial.set_user_attr(key, value)
        study.tell(trial, scores[self.metric])
        return scores[self.metric]

    def _start(self, study: Study, fold: Fold, distributions: Mapping[str, BaseDistribution]) -> float:
        """Score what is held, and else the defaults, and keep it as the first trial.

        Of its values, those that lie where others are drawn guide the sampler.
        """
        import optuna

        scores = fold.score(self.algo, self.held, self.conf)
        own = {**parameters(algorithm(self.algo)), CONF: self.conf}
        fits = {name: own[name] for name, where in self.space.items() if _contains(where, own[name])}
        trial: FrozenTrial = optuna.trial.create_trial(
            value=scores[self.metric],
            params=fits,
            distributions={name: distributions[name] for name in fits},
            user_attrs=_attributes(dict(self.held), self.conf, scores),
        )
        study.add_trial(trial)
        return scores[self.metric]


def best_of(values: list[float]) -> int:
    """Index of the largest value, the first of equals."""
    return max(range(len(values)), key=lambda k: (values[k], -k))


def _attributes(settings: dict[str, Any], conf: float | None, scores: Scores) -> dict[str, Any]:
    """What a trial is kept with."""
    return {"settings": settings, "conf": conf, "scores": scores}


def _distribution(where: Range | tuple[Any, ...]) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(where, tuple):
        return CategoricalDistribution(where)
    if where.whole:
        return IntDistribution(int(where.low), int(where.high), log=where.log)
    return FloatDistribution(where.low, where.high, log=where.log)


def _rounded(value: Any, where: Range | tuple[Any, ...]) -> Any:
    """Four digits are enough for a file that people read; they are what is scored, too."""
    if isinstance(where, tuple) or where.whole:
        return value
    return min(max(float(f"{value:.4g}"), where.low), where.high)


def _contains(where: Range | tuple[Any, ...], value: Any) -> bool:
    if isinstance(where, tuple):
        return value in where
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return where.low <= value <= where.high and (not where.whole or value % 1 == 0)
