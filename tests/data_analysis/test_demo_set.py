"""The rendered railway yard comes back from the analysis exactly as it was planned."""

from collections import Counter
from pathlib import Path

import pytest

from data_analysis.checks import Evidence, run_checks
from data_analysis.checks.settings import CheckSettings
from data_analysis.inputs.datasets import input_from_folder
from data_analysis.measuring.clip_table import clip_table
from data_analysis.measuring.measure import MeasureSettings, measure_files
from data_analysis.measuring.tables import class_table
from data_analysis.splitting.splits import bind_groups, split_by_shares
from demo_yard.rendering import DemoSettings, render_demo_dataset
from demo_yard.rendering.plan import plan_clips

SETTINGS = DemoSettings(
    num_clips=24, clips_per_recording=3, seconds=2.5, fps=4, width=64, height=48, seed=3
)


def test_shares_lengths_and_recordings_come_back(tmp_path: Path) -> None:
    root = render_demo_dataset(tmp_path / 'demo', SETTINGS, num_workers=1)
    plans = {
        plan.path: plan
        for plan in plan_clips(
            SETTINGS.num_clips, SETTINGS.clips_per_recording, SETTINGS.seconds, SETTINGS.seed
        )
    }
    dataset = input_from_folder(str(root / 'videos'), recording_regex=r'(?P<recording>rec\d+)')
    measured, _ = measure_files(dataset.clips['file'], tmp_path / 'store', MeasureSettings())
    clips = clip_table(dataset.clips, measured)
    assert set(clips['path']) == set(plans)
    for clip in clips.itertuples():
        plan = plans[clip.path]
        assert clip.label == plan.label
        assert clip.recording == plan.recording_name
        assert clip.num_frames == round(plan.seconds * SETTINGS.fps)
        assert clip.duration_seconds == pytest.approx(clip.num_frames / SETTINGS.fps)
        assert (clip.width, clip.height, clip.fps) == (64, 48, 4)
    counts = {row['label']: row['clips'] for row in class_table(clips, dataset.classes)}
    assert counts == {**Counter(plan.label for plan in plans.values()), '': 24}

    settings = CheckSettings(classes=dataset.classes, few_samples=1, few_test_samples=1)
    codes = set(run_checks(clips, settings, Evidence())['code'])
    assert codes <= {'too_short', 'near_identical', 'class_absent'}

    groups = bind_groups(clips)
    assert len(set(groups)) == len({plan.recording for plan in plans.values()})
    fold = split_by_shares(clips['label'].to_numpy(), groups, {'test': 0.25})
    for positions in fold.splits.values():
        clips.loc[positions, 'split'] = 'test' if positions is fold.splits['test'] else 'train'
    codes = set(run_checks(clips, settings, Evidence())['code'])
    assert 'recording_in_two_splits' not in codes
