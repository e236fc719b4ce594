"""Draws that are balanced over classes and over cameras."""

from collections import Counter

import numpy as np
import pytest

from mmaction_timesformer.datasets import GroupBalancedSampler


class Clips:
    """Classes 0 and 1; camera a has most clips of class 0, and b is the only one of class 1."""

    def __init__(self, named=True):
        self.infos = [
            dict(label=label, recording=camera if named else None)
            for label, camera, number in ((0, 'a', 40), (0, 'b', 8), (1, 'b', 4))
            for _ in range(number)
        ]

    def __len__(self):
        return len(self.infos)

    def get_data_info(self, number):
        return self.infos[number]


def draw(power, epochs=40, **options):
    clips = Clips()
    sampler = GroupBalancedSampler(clips, power=power, seed=0, **options)
    drawn = []
    for epoch in range(epochs):
        sampler.set_epoch(epoch)
        drawn += list(sampler)
    counts = Counter((clips.infos[n]['label'], clips.infos[n]['recording']) for n in drawn)
    return {key: count / len(drawn) for key, count in counts.items()}


def test_classes_and_cameras_come_up_equally_often():
    shares = draw(1.0)
    assert shares[1, 'b'] == pytest.approx(0.5, abs=0.01)
    assert shares[0, 'a'] == pytest.approx(0.25, abs=0.03)


def test_without_power_only_classes_do():
    assert draw(0.0)[0, 'a'] == pytest.approx(0.5 * 40 / 48, abs=0.03)


def test_half_the_power_is_the_square_root():
    assert draw(0.5)[0, 'a'] == pytest.approx(0.5 * 40**0.5 / (40**0.5 + 8**0.5), abs=0.03)


def test_a_group_is_used_up_before_it_comes_again():
    sampler = GroupBalancedSampler(Clips(), seed=0, num_samples=52)
    counts = Counter(sampler)
    small = [counts[number] for number in range(48, 52)]
    assert max(small) - min(small) <= 1
    assert max(counts[number] for number in range(40)) == 1


def test_epochs_differ_and_repeat():
    sampler = GroupBalancedSampler(Clips(), seed=0)
    first = list(sampler)
    assert list(sampler) == first
    sampler.set_epoch(1)
    assert list(sampler) != first


def test_what_it_needs():
    with pytest.raises(ValueError, match='group-from-scenes'):
        GroupBalancedSampler(Clips(named=False))
    with pytest.raises(ValueError, match=r'0\.\.1'):
        GroupBalancedSampler(Clips(), power=2)
    clips = Clips()
    clips.infos[0]['label'] = [0, 1]
    with pytest.raises(ValueError, match='one label'):
        GroupBalancedSampler(clips)
    assert np.array(list(GroupBalancedSampler(Clips(), num_samples=7, seed=1))).shape == (7,)
