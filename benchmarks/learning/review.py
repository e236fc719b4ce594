"""False alarms on the next day, after an hour of review of a first day was learned.

The demo's model watches a day of its site, and a reviewer who knows the truth answers the review
queue, as the page orders it, for an hour. The answers are learned at once, by a new fit of the last
layer, or overnight, by training the whole model on them and on old clips. Before and after, the
model watches another day, which has weather, light, wagons, clothes and events of its own.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.learning.reviewing import known_truth, review
from benchmarks.learning.watching import Day, watch
from benchmarks.learning.yards import MINUTES, TrainedYard, Yard
from benchmarks.record import Record, table
from mmaction_timesformer.detection.events.rules import SAFE_CLASS, EventRule
from mmaction_timesformer.detection.quality.command import Results, figures_of, tune_results
from mmaction_timesformer.detection.quality.evaluate import EventMetrics, evaluate_events
from mmaction_timesformer.learning.corrections import Corrections
from mmaction_timesformer.learning.increments import Learner
from mmaction_timesformer.learning.lineage import Card, Lineage
from mmaction_timesformer.learning.overnight import NightSettings, learn_overnight
from mmaction_timesformer.learning.steps import learn_at_once
from mmaction_timesformer.web.queue import order_items

VERDICT_SECONDS = 20.0
"""For one alarm or window, so that an hour has 180 verdicts."""
THRESHOLD = 0.3
"""tIoU from which an alarm is right."""
NIGHT = NightSettings()
"""As the command has them; forgetting more freely was no better on two other days."""


@dataclass(frozen=True)
class Trial:
    """One day reviewed, another watched.

    Attributes:
        days: Their seeds.
        num_alarms: Alarms among the answers.
        num_dangers: Dangers among the answers.
        card: Of the model that learned them.
        found: The second day, by what was done.
    """

    days: tuple[int, int]
    num_alarms: int
    num_dangers: int
    card: Card
    found: dict[str, Results]


Learned = tuple[Card, dict[str, Results]]
"""The new model, and the second day by what was done."""


class Way(NamedTuple):
    """A way to learn the answers.

    Attributes:
        yard: The site and its model.
        learn: From the yard, its lineage, the answers, the day reviewed and the other.
        days: Seeds of days on which nothing was chosen; each is reviewed, and the other watched.
        record: Name of the record.
        settings: Of the learning, for the record.
    """

    yard: type[Yard]
    learn: Callable[[Yard, Lineage, Corrections, Day, Day], Learned]
    days: tuple[int, int]
    record: str
    settings: dict[str, Any]


def at_once(yard: Yard, lineage: Lineage, answers: Corrections, first: Day, second: Day) -> Learned:
    """Fit the head to the answers too; beside it, tune the rules and learn nothing."""
    learner = Learner.open(lineage.checkpoint(), lineage.cache)
    rules = second.with_head(learner.trained, tuned(first, first.results, answers))
    card = learn_at_once(lineage, answers, 'oracle', learner=learner)
    return card, {'rules alone': rules, 'learned': second.with_head(learner.trained)}


def overnight(
    yard: Yard, lineage: Lineage, answers: Corrections, first: Day, second: Day
) -> Learned:
    """Train the model on the answers and on old clips, as the command does by default."""
    card = learn_overnight(lineage, answers, 'oracle', NIGHT)
    checkpoint = lineage.checkpoint(card.model)
    out = yard.folder / f'after_{first.recordings.name}_{card.model}'
    learned = watch(yard.model()[0], checkpoint, second.recordings, out)
    return card, {'learned': learned.results}


WAYS = {
    'at-once': Way(Yard, at_once, (7401, 7402), 'review_hour', {}),
    'overnight': Way(
        TrainedYard, overnight, (7501, 7502), 'review_night', dict(night=asdict(NIGHT))
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this part."""
    parser.add_argument('--learned', choices=WAYS, default='at-once', help='(%(default)s)')
    parser.add_argument('--demo', type=Path, default=Path('work_dirs/demo'), help='of make demo')
    parser.add_argument('--folder', type=Path, help='work_dirs/review_hour or review_night')
    parser.add_argument('--days', type=int, nargs=2, metavar='SEED', help='two unseen days')


def run(options: argparse.Namespace) -> None:
    """Review each day, watch the other, and write the record."""
    way = WAYS[options.learned]
    yard = way.yard(options.demo, options.folder or Path('work_dirs') / way.record)
    one, other = options.days or way.days
    write(way, [try_days(yard, way, days) for days in ((one, other), (other, one))], options.out)


def try_days(yard: Yard, way: Way, days: tuple[int, int]) -> Trial:
    """Watch, review, learn and watch another day."""
    first, second = map(yard.watched, days)
    lineage = yard.lineage()
    items = order_items(first.items, first.results.rules)[: round(3600 / VERDICT_SECONDS)]
    answers = review(first, items, lineage.current.classes)
    card, found = way.learn(yard, lineage, answers, first, second)
    num_alarms = sum(item.kind == 'alarm' for item in items)
    num_dangers = sum(answers.label_name(clip) != SAFE_CLASS for clip in answers.clips)
    return Trial(days, num_alarms, num_dangers, card, {'before': second.results, **found})


def tuned(day: Day, results: Results, answers: Corrections) -> dict[str, EventRule]:
    """Rules for half the false alarms of a day, as far as answers tell them."""
    known = replace(results, truth=known_truth(day, answers))
    rate = figures_of(known, (THRESHOLD,))[0].false_alarms_per_hour.value / 2
    return {label: one.rule for label, one in tune_results(known, rate).items()}


def pooled(days: Sequence[Results]) -> EventMetrics:
    """Metrics of several days together; intervals are over recordings."""
    numbered = list(enumerate(days))
    events = {f'{n} {name}': x for n, day in numbered for name, x in day.events.items()}
    truth = {f'{n} {name}': x for n, day in numbered for name, x in day.truth.items()}
    hours = {f'{n} {name}': x for n, day in numbered for name, x in day.hours.items()}
    return evaluate_events(events, truth, hours, tuple(days[0].rules), (THRESHOLD,))[0]


def write(way: Way, trials: Sequence[Trial], out: Path) -> None:
    """Write the record."""
    rows = []
    for name in trials[0].found:
        found = [trial.found[name] for trial in trials]
        single = [(' to '.join(map(str, t.days)), t.found[name]) for t in trials]
        rows += [row_of(name, days, figures_of(one, (THRESHOLD,))[0]) for days, one in single]
        rows.append(row_of(name, 'both', pooled(found)))
    learned = [
        {
            'day reviewed': trial.days[0],
            'alarms': trial.num_alarms,
            'windows': trial.card.change['corrections'] - trial.num_alarms,
            'dangers among them': trial.num_dangers,
            **{
                name.replace('_', ' '): f'{value:.2f}'
                for name, value in trial.card.change.items()
                if name.endswith('seconds')
            },
            'gate': 'passed' if trial.card.passed else '; '.join(trial.card.reasons),
        }
        for trial in trials
    ]
    Record(
        way.record,
        'False alarms on the next day, after one hour of review',
        dict(
            site="the demo's",
            hours_a_day=MINUTES / 60,
            verdicts_an_hour=round(3600 / VERDICT_SECONDS),
            tIoU=THRESHOLD,
            rules="the demo config's, not tuned",
            model=way.yard.MODEL,
            **way.settings,
        ),
        dict(days=rows, learned=learned),
        [
            'Days that nothing was chosen on. The reviewer knows the truth and answers the queue '
            'in its default order. "Rules alone" are tuned for half the false alarms of the first '
            'day, nothing is learned. Intervals of 95 % are over recordings.',
            '',
            *table(list(rows[0]), [list(row.values()) for row in rows]),
            '',
            *table(list(learned[0]), [list(row.values()) for row in learned]),
        ],
    ).write(out)


def row_of(name: str, days: str, found: EventMetrics) -> dict[str, Any]:
    """A line of the record's table."""
    return {
        '': name,
        'days': days,
        'false alarms per hour': str(found.false_alarms_per_hour),
        'recall': str(found.recall),
        'F1': str(found.f1),
        'right of reported': f'{found.num_right} of {found.num_found}',
        'true events': found.num_true,
    }
