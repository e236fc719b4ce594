"""Events expected by the trial of an hour."""

import pytest

from benchmarks.detection.endurance import _Trial
from mmaction_timesformer.detection.quality.truth import TrueEvent


@pytest.mark.parametrize(('until', 'num_seen'), [(21.0, 0), (36.0, 1), (81.9, 1), (82.1, 2)])
def test_what_was_hardly_seen_is_not_expected(tmp_path, until, num_seen):
    """Red from second 20 to 32 of each minute; events are at least 2 s long."""
    trial = _Trial([], tmp_path)
    trial.expect(100.0, 100.0 + until)
    shown = [TrueEvent('Danger', 120.0, 132.0), TrueEvent('Danger', 180.0, 182.1)]
    assert [(e.start_seconds, e.end_seconds) for e in trial.true] == [
        (e.start_seconds, pytest.approx(e.end_seconds)) for e in shown[:num_seen]
    ]
