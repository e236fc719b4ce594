"""Draw clips so that every camera (recording) and every class comes up equally often."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from mmaction_timesformer.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class GroupBalancedSampler(Sampler[int]):
    """Draw a class, then one of its groups, then one of the group's clips.

    A camera with many clips otherwise is what training sees, and what its classes look like there
    is learned as what they look like. Groups are the recordings of the annotation file, as
    ``tools/prepare_dataset.py`` writes them: cameras, or what ``--group-from-scenes`` finds. A clip
    comes up again before all of its group have come up once only if the group is small.

    Args:
        dataset: A dataset of labelled clips.
        power: 0 to draw a class's clips evenly, 1 its groups, and between them in between: a group
            of n clips is drawn in proportion to ``n ** (1 - power)``.
        num_samples: Clips in an epoch; by default as many as there are.
        seed: Of the draws; by default one for all processes.

    Raises:
        ValueError: No clip has a recording, or clips have several labels.
    """

    def __init__(
        self,
        dataset: BaseDataset,
        power: float = 1.0,
        num_samples: int | None = None,
        seed: int | None = None,
    ) -> None:
        if not 0 <= power <= 1:
            raise ValueError(f'power={power} must be in 0..1')
        self.rank, self.world_size = get_dist_info()
        self.seed = sync_random_seed() if seed is None else seed
        self.power = power
        self.epoch = 0
        self.num_samples = math.ceil((num_samples or len(dataset)) / self.world_size)
        self.parts = _parts(dataset)

    def __iter__(self) -> Iterator[int]:
        """Yield numbers of clips, this process's share of the epoch."""
        rng = np.random.default_rng([self.seed, self.epoch])
        decks = {key: _Deck(numbers, rng) for key, numbers in self.parts.items()}
        labels = sorted({label for label, _ in self.parts})
        groups = {label: [key for key in self.parts if key[0] == label] for label in labels}
        chances = {}
        for label, keys in groups.items():
            sizes = np.array([len(self.parts[key]) for key in keys], dtype=float)
            chance = sizes ** (1 - self.power)
            chances[label] = chance / chance.sum()
        drawn = []
        for number in range(self.num_samples * self.world_size):
            if number % len(labels) == 0:
                order = rng.permutation(labels)
            label = int(order[number % len(labels)])
            keys = groups[label]
            drawn.append(decks[keys[rng.choice(len(keys), p=chances[label])]].draw())
        return iter(drawn[self.rank :: self.world_size])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Draw anew."""
        self.epoch = epoch


class _Deck:
    """Numbers in a random order, and again in another one when they are used up."""

    def __init__(self, numbers: list[int], rng: np.random.Generator) -> None:
        self.numbers, self.rng = numbers, rng
        self.left: list[int] = []

    def draw(self) -> int:
        if not self.left:
            self.left = self.rng.permutation(self.numbers).tolist()
        return self.left.pop()


def _parts(dataset: BaseDataset) -> dict[tuple[int, str], list[int]]:
    """Numbers of clips by class and recording."""
    parts: dict[tuple[int, str], list[int]] = {}
    known = False
    for number in range(len(dataset)):
        info = dataset.get_data_info(number)
        label = info['label']
        if not isinstance(label, int | np.integer):
            raise ValueError('GroupBalancedSampler needs one label a clip')
        recording = info.get('recording')
        known = known or recording is not None
        parts.setdefault((int(label), str(recording)), []).append(number)
    if not known:
        raise ValueError(
            'the annotation file names no recordings: let tools/prepare_dataset.py find them '
            '(--group-column, --group-regex, --group-from-scenes)'
        )
    return parts
