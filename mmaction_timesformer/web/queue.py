"""The order of the queue: which items are worth a look first.

*Uncertain* items, whose probability lies nearest to the threshold of their class, come first. In
the *mixed* order three lists take turns: uncertain alarms, uncertain windows and *typical* ones,
which stand for many others: windows are clustered by their scores, and the middle of the largest
cluster comes first. Only those show what the model is sure of and wrong about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, zip_longest

import numpy as np
from sklearn.cluster import KMeans

from mmaction_timesformer.detection.events.rules import EventRule
from mmaction_timesformer.web.items import Item

ORDERS = ('uncertain', 'mixed', 'typical', 'time', 'score')
DEFAULT_ORDER = 'uncertain'
"""It taught most on days to choose by (docs/web.md)."""
_MOST_CLUSTERS = 40
_LEAST_PROBABILITY = 1e-3


def order_items(
    items: Sequence[Item], rules: Mapping[str, EventRule], order: str = DEFAULT_ORDER
) -> list[Item]:
    """Put items in order.

    Args:
        items: What there is to review.
        rules: The rule of each danger; its ``enter`` is where a model is most in doubt.
        order: One of `ORDERS`.

    Raises:
        ValueError: There is no such order.
    """
    if order not in ORDERS:
        raise ValueError(f'order={order!r} is unknown; choose from {ORDERS}')
    if order == 'time':
        return sorted(items, key=lambda item: (item.source, item.start_seconds))
    if order == 'score':
        return sorted(items, key=lambda item: -item.score)
    if order == 'uncertain':
        return _uncertain(items, rules)
    if order == 'typical':
        return _typical(items)
    alarms = [item for item in items if item.kind == 'alarm']
    windows = [item for item in items if item.kind != 'alarm']
    return list(_in_turns(_uncertain(alarms, rules), _uncertain(windows, rules), _typical(windows)))


def _in_turns(*lists: Sequence[Item]) -> Iterator[Item]:
    """One of each list after another, no item twice."""
    rows = chain.from_iterable(zip_longest(*lists))
    return iter({item.id: item for item in rows if item is not None}.values())


def _uncertain(items: Sequence[Item], rules: Mapping[str, EventRule]) -> list[Item]:
    """Those nearest to the threshold first."""

    def doubt(item: Item) -> float:
        enter = rules[item.label].enter if item.label in rules else 0.5
        return abs(_log_odds(item.score) - _log_odds(enter))

    return sorted(items, key=lambda item: (doubt(item), item.id))


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, _LEAST_PROBABILITY), 1 - _LEAST_PROBABILITY)
    return float(np.log(bounded / (1 - bounded)))


def _typical(items: Sequence[Item]) -> list[Item]:
    """From the largest cluster of scores to the smallest, again and again, middles first."""
    if not items:
        return []
    points = np.log(np.clip([item.scores for item in items], _LEAST_PROBABILITY, 1.0))
    num_clusters = min(_MOST_CLUSTERS, max(1, round(np.sqrt(len(np.unique(points, axis=0))))))
    clusters = KMeans(num_clusters, n_init=1, random_state=0).fit(points)
    distances = np.linalg.norm(points - clusters.cluster_centers_[clusters.labels_], axis=1)
    sizes = np.bincount(clusters.labels_, minlength=num_clusters)
    piles: list[list[Item]] = []
    for cluster in np.argsort(-sizes, kind='stable'):
        members = np.flatnonzero(clusters.labels_ == cluster)
        piles.append([items[n] for n in members[np.argsort(distances[members], kind='stable')]])
    return list(_in_turns(*piles))
