"""The checks: each looks at the table of clips and yields problems. One idea a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import pandas as pd
from threadpoolctl import threadpool_limits

from data_analysis.checks import duplicates, files, labels, leakage, metadata, sampling
from data_analysis.checks.problems import Problem, problem_table
from data_analysis.checks.settings import CheckSettings

Check = Callable[[pd.DataFrame, CheckSettings], Iterator[Problem]]

CHECKS: tuple[Check, ...] = (
    files.check_readable,
    files.check_complete,
    files.check_timing,
    files.check_picture,
    files.check_pixels,
    files.check_format,
    labels.check_known_labels,
    labels.check_class_counts,
    labels.check_imbalance,
    sampling.check_length,
    sampling.check_frame_rates,
    duplicates.check_identical_bytes,
    duplicates.check_listed_twice,
    duplicates.check_look_alikes,
    leakage.check_recordings,
)


@dataclass(frozen=True)
class Evidence:
    """Results that take long to compute, and are both checked and reported.

    Attributes:
        leakage: A nearest neighbour scored on each split.
        metadata: How well file properties predict the class.
        unjudged_splits: Why a split has no such score, by its name.
    """

    leakage: Sequence[leakage.LeakageScore] = ()
    metadata: Sequence[metadata.MetadataSkill] = ()
    unjudged_splits: Mapping[str, str] = field(default_factory=dict)


def gather_evidence(clips: pd.DataFrame, settings: CheckSettings) -> Evidence:
    """Scores the splits and the file properties."""
    # One thread: the sums are small, and OpenMP's waiting threads slow a busy machine down badly.
    with threadpool_limits(limits=1):
        return Evidence(
            leakage.leakage_scores(clips, settings),
            metadata.metadata_skills(clips, settings),
            leakage.unjudged_splits(clips),
        )


def run_checks(clips: pd.DataFrame, settings: CheckSettings, evidence: Evidence) -> pd.DataFrame:
    """Runs every check.

    Args:
        clips: The table of clips, see `clip_table`.
        settings: What to compare against.
        evidence: See `gather_evidence`.

    Returns:
        The table of problems, the gravest first.
    """
    found = chain(
        chain.from_iterable(check(clips, settings) for check in CHECKS),
        leakage.leakage_problems(evidence.leakage),
        metadata.metadata_problems(evidence.metadata),
    )
    return problem_table(found)
