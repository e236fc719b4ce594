"""Clips that the sampler cannot serve as its setting promises."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from data_analysis.checks.problems import Problem, problem_of
from data_analysis.checks.settings import CheckSettings
from data_analysis.inputs.sampler import needed_frames

_RATE_TOLERANCE = 1.02
_ADAPTING = ('shrink_interval', 'uniform')


def check_length(clips: pd.DataFrame, settings: CheckSettings) -> Iterator[Problem]:
    """Clips shorter than the sampler wants; a single finding where it adapts to them."""
    wanted = needed_frames(settings.sampler, clips['fps'])
    short = clips.assign(wanted=wanted)[clips['num_frames'] < wanted]
    if settings.sampler.short_clip in _ADAPTING and len(short):
        yield Problem(
            'shown_faster',
            '',
            f'{len(short)} of {len(clips)} clips have fewer frames than {settings.sampler.name} '
            f'wants, {short["num_frames"].median():.0f} in the median',
        )
        return
    for clip in short.itertuples():
        yield problem_of(
            'too_short',
            clip,
            f'{clip.num_frames:.0f} frames, {settings.sampler.name} wants {clip.wanted:.0f}',
        )


def check_frame_rates(clips: pd.DataFrame, settings: CheckSettings) -> Iterator[Problem]:
    """Frame rates that differ between files."""
    # A single frame has no rate, whatever its header says.
    rates = clips.loc[(clips['status'] == 'ok') & ~(clips['num_frames'] <= 1), 'fps'].dropna()
    if len(rates) and rates.max() > _RATE_TOLERANCE * rates.min():
        usual = rates.round(2).mode().iloc[0]
        others = int(((rates - usual).abs() > (_RATE_TOLERANCE - 1) * usual).sum())
        yield Problem(
            'mixed_frame_rates',
            '',
            f'{rates.min():.4g} to {rates.max():.4g} frames a second; {others} of {len(rates)} '
            f'clips differ from the usual {usual:.4g}',
        )
