"""False alarms on the next day, after an hour of review of a first day was learned overnight.

As `review_hour`, but the demo's TimeSformer itself is trained on the answers and on old clips
(`tools/continue_training.py overnight`), in place of a new fit of its last layer.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.learning.review_hour import THRESHOLD, VERDICT_SECONDS, pooled, row_of
from benchmarks.learning.reviewing import review
from benchmarks.learning.watching import watch
from benchmarks.learning.yards import MINUTES, Yard
from benchmarks.record import Record, table
from mmaction_timesformer.detection.quality.command import Results, figures_of
from mmaction_timesformer.learning.lineage import Card
from mmaction_timesformer.learning.overnight import NightSettings, learn_overnight
from mmaction_timesformer.models.checkpoints import find_checkpoint
from mmaction_timesformer.web.queue import order_items

DAYS = (7501, 7502)
"""Seeds of days on which nothing was chosen; each is reviewed, and the other watched."""
SETTINGS = NightSettings()
"""As the command has them; forgetting more freely was no better on two other days."""


class DemoYard(Yard):
    """The site, with the demo's model as it is."""

    def model(self) -> tuple[Path, Path]:
        """Config and checkpoint of `make demo`."""
        training = self.demo / 'training'
        (config,) = training.glob('*.py')
        return config, find_checkpoint(training)


@dataclass(frozen=True)
class Night:
    """One day reviewed and learned, another watched before and after.

    Attributes:
        days: Their seeds.
        num_alarms: Alarms among the answers.
        card: Of the model that learned them.
        found: The second day, before and after.
    """

    days: tuple[int, int]
    num_alarms: int
    card: Card
    found: dict[str, Results]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this part."""
    parser.add_argument('--demo', type=Path, default=Path('work_dirs/demo'), help='of make demo')
    parser.add_argument('--folder', type=Path, default=Path('work_dirs/review_night'))
    parser.add_argument('--days', type=int, nargs=2, default=DAYS, help='seeds of two days')


def run(options: argparse.Namespace) -> None:
    """Review each day, learn overnight, watch the other, and write the record."""
    yard = DemoYard(options.demo, options.folder)
    one, other = options.days
    write([try_days(yard, days) for days in ((one, other), (other, one))], options.out)


def try_days(yard: DemoYard, days: tuple[int, int]) -> Night:
    """Watch, review, learn overnight and watch another day with the model that came out."""
    first, second = map(yard.watched, days)
    lineage = yard.lineage()
    items = order_items(first.items, first.results.rules)[: round(3600 / VERDICT_SECONDS)]
    answers = review(first, items, lineage.current.classes)
    card = learn_overnight(lineage, answers, 'oracle', SETTINGS)
    learned = watch(
        yard.model()[0],
        lineage.checkpoint(card.model),
        second.recordings,
        yard.folder / f'learned{days[0]}_{card.model}',
    )
    num_alarms = sum(item.kind == 'alarm' for item in items)
    return Night(days, num_alarms, card, {'before': second.results, 'learned': learned.results})


def write(nights: Sequence[Night], out: Path) -> None:
    """Write the record."""
    rows = []
    for name in nights[0].found:
        for night in nights:
            figures = figures_of(night.found[name], (THRESHOLD,))[0]
            rows.append(row_of(name, ' to '.join(map(str, night.days)), figures))
        rows.append(row_of(name, 'both', pooled([night.found[name] for night in nights])))
    learned = [
        {
            'day reviewed': night.days[0],
            'alarms': night.num_alarms,
            'answers': night.card.change['corrections'],
            'night, s': night.card.change['seconds'],
            'gate': '; '.join(night.card.reasons) if not night.card.passed else 'passed',
        }
        for night in nights
    ]
    Record(
        'review_night',
        'False alarms on the next day, after one hour of review and a night',
        dict(
            site="the demo's",
            hours_a_day=MINUTES / 60,
            verdicts_an_hour=round(3600 / VERDICT_SECONDS),
            tIoU=THRESHOLD,
            rules="the demo config's, not tuned",
            model="the demo's TimeSformer",
            night=asdict(SETTINGS),
        ),
        dict(days=rows, learned=learned),
        [
            'Days that nothing was chosen on. The reviewer knows the truth and answers the queue '
            'in its default order. Intervals of 95 % are over recordings.',
            '',
            *table(list(rows[0]), [list(row.values()) for row in rows]),
            '',
            *table(list(learned[0]), [list(row.values()) for row in learned]),
        ],
    ).write(out)
