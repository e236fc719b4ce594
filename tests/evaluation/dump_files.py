"""Dumps that no test run writes."""

import pickle
from typing import Any


class Reduced:
    """Is pickled as a call with arguments and a state of one's choice."""

    def __init__(self, function: Any, arguments: tuple[Any, ...], state: Any = None) -> None:
        self.reduced = (function, arguments, state)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.reduced


def dump_with(value: Any, protocol: int = 2) -> bytes:
    """Pickle the predictions of one clip with something beside them."""
    return pickle.dumps([{'pred_score': [0.1, 0.9], 'gt_label': [1], 'extra': value}], protocol)
