"""Scores of the frames of several sources, with a model that keeps a state for each.

Where a clip model gets windows that overlap, a stream model gets every moment of the time line
once, as a window of one frame. What it has seen of a source is its state; a time line that begins
anew begins with a new state.

Legend: n frames, F horizons, K classes, C channels, H/W pixels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import torch
from einops import rearrange
from torch import Tensor


class StreamModel(Protocol):
    """Takes pictures in order and says what each shows and what will follow."""

    def begin(self) -> Any:
        """The state before the first frame."""

    def step(
        self, pictures: Tensor, state: Any, seconds: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        """Pictures (3, n, H, W) at seconds (n,) to probabilities (n, 1 + F, K), and the state."""


class Moment(Protocol):
    """A frame on the regular time line of its source."""

    @property
    def index(self) -> int:
        """Its number, from 0 where the time line begins."""

    @property
    def seconds(self) -> float:
        """Its time."""

    @property
    def frames(self) -> tuple[Tensor, ...]:
        """Its picture alone, (1, C, H, W)."""


class StateKeeper(Protocol):
    """Saves states of streams."""

    def offer(self, source: str, seconds: float, state: Any) -> None:
        """Take the state of a source after the frame at a time."""

    def find(self, source: str, until_seconds: float) -> tuple[float, dict[str, Any]] | None:
        """The newest saved state up to a time, with its own time."""


class StreamScorer:
    """Keeps the streams of several sources apart.

    Attributes:
        keeper: Where states are saved, if anywhere.

    Args:
        model: The model, in evaluation mode.
        device: Where it runs.
    """

    def __init__(self, model: StreamModel, device: str | torch.device = 'cpu') -> None:
        self.model = model
        self._device = device
        self._states: dict[str, Any] = {}
        self._last_index: dict[str, int] = {}
        self.keeper: StateKeeper | None = None

    @torch.inference_mode()
    def score(self, moments: Sequence[tuple[str, Moment]]) -> list[tuple[float, ...]]:
        """Score the next frames of sources.

        Args:
            moments: Names of sources and their frames, those of each source in order.

        Returns:
            For each, the probabilities of the K classes now and then at each horizon, in one row.

        Raises:
            ValueError: There are several crops of a frame.
        """
        places: dict[str, list[int]] = defaultdict(list)
        for place, (name, moment) in enumerate(moments):
            if len(moment.frames) != 1 or moment.frames[0].shape[0] != 1:
                raise ValueError(
                    'a stream model takes one picture a moment: let the pipeline have clip_len=1 '
                    'and one crop'
                )
            places[name].append(place)
        rows: dict[int, tuple[float, ...]] = {}
        for name, own in places.items():
            for stretch in self._stretches(name, [moments[place][1] for place in own]):
                for row in self._step(name, stretch):
                    rows[own.pop(0)] = row
        return [rows[place] for place in range(len(moments))]

    def forget(self, source: str) -> None:
        """Begin the source anew."""
        self._states.pop(source, None)
        self._last_index.pop(source, None)

    def restore(self, source: str, until_seconds: float) -> float | None:
        """Begin a source with its newest saved state up to a time.

        Returns:
            The time of the last frame that the state has seen; None if it begins anew.
        """
        self.forget(source)
        saved = self.keeper.find(source, until_seconds) if self.keeper else None
        if saved is None:
            return None
        seconds, content = saved
        self._states[source] = type(self.model.begin()).from_state_dict(content)
        return seconds

    def _stretches(self, name: str, moments: Sequence[Moment]) -> Iterator[list[Moment]]:
        """Moments cut where the time line begins anew; the state before is then forgotten."""
        stretch: list[Moment] = []
        for moment in moments:
            if moment.index <= self._last_index.get(name, -1):
                if stretch:
                    yield stretch
                stretch = []
                self.forget(name)
            self._last_index[name] = moment.index
            stretch.append(moment)
        if stretch:
            yield stretch

    def _step(self, name: str, moments: Sequence[Moment]) -> list[tuple[float, ...]]:
        pictures = torch.cat([moment.frames[0] for moment in moments]).to(self._device)
        seconds = torch.tensor([moment.seconds for moment in moments], dtype=torch.float64)
        state = self._states.get(name)
        probabilities, self._states[name] = self.model.step(
            rearrange(pictures, 'n c h w -> c n h w').float(),
            self.model.begin() if state is None else state,
            seconds,
        )
        if self.keeper is not None:
            self.keeper.offer(name, moments[-1].seconds, self._states[name])
        # Rounded as they are written, so that a log read back gives the same events.
        return [
            tuple(round(value, 6) for value in row)
            for row in probabilities.float().flatten(1).cpu().tolist()
        ]
