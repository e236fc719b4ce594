import numpy as np
import pandas as pd

from data_analysis.checks.leakage import (
    check_recordings,
    leakage_problems,
    leakage_scores,
    unjudged_splits,
)
from data_analysis.checks.settings import CheckSettings
from data_analysis.measuring.thumbnails import encode_thumbnail
from tests.data_analysis.clip_tables import clips_of, signature_of

SETTINGS = CheckSettings(classes=('a', 'b'))


def scenes(num_scenes: int, clips_each: int, label_of_scene: bool) -> pd.DataFrame:
    """Clips of scenes; the label follows the scene, or it alternates within each."""
    rows = []
    for scene in range(num_scenes):
        for number in range(clips_each):
            label = 'ab'[scene % 2] if label_of_scene else 'ab'[number % 2]
            rows.append(
                {
                    'path': f'{scene}_{number}',
                    'label': label,
                    'recording': f'r{scene}',
                    'signature': signature_of(scene, noise=6, noise_seed=number),
                }
            )
    return clips_of(rows)


def at_random(clips: pd.DataFrame) -> pd.DataFrame:
    draw = np.random.default_rng(0).random(len(clips))
    return clips.assign(split=np.where(draw < 0.3, 'val', 'train'))


def by_recording(clips: pd.DataFrame) -> pd.DataFrame:
    scene = clips['recording'].str[1:].astype(int)
    return clips.assign(split=np.where(scene < 4, 'val', 'train'))


def test_a_random_split_of_scenes_sounds_the_alarm() -> None:
    (score,) = leakage_scores(at_random(scenes(12, 8, label_of_scene=True)), SETTINGS)
    assert score.alarm
    assert score.twin_share > 0.95
    assert score.macro_f1 == 1
    assert score.guessing_macro_f1 < 0.5
    assert score.separated_macro_f1 is not None
    assert score.separated_macro_f1 < 0.7
    (problem,) = leakage_problems([score])
    assert problem.code == 'leakage_alarm'
    assert 'macro-F1 1.00' in problem.detail
    assert problem.path.split('_')[0] == problem.related.split('_')[0] != ''


def test_a_split_by_recording_does_not() -> None:
    (score,) = leakage_scores(by_recording(scenes(12, 8, label_of_scene=True)), SETTINGS)
    assert not score.alarm
    assert score.twin_share == 0
    assert not list(leakage_problems([score]))


def test_look_alikes_without_labels_to_copy_do_no_harm() -> None:
    (score,) = leakage_scores(at_random(scenes(12, 8, label_of_scene=False)), SETTINGS)
    assert score.twin_share > 0.95
    assert score.macro_f1 < 0.75
    assert not score.alarm


def test_classes_that_look_different_are_no_leak() -> None:
    """Every clip its own scene, all clips of a class alike from afar."""
    rows = []
    for number in range(60):
        base = np.random.default_rng(number % 2).uniform(0, 255, (12, 16))
        own = np.random.default_rng(100 + number).uniform(0, 255, (12, 16))
        picture = (0.6 * base + 0.4 * own).astype(np.uint8)
        rows.append({'label': 'ab'[number % 2], 'signature': encode_thumbnail(picture)})
    (score,) = leakage_scores(at_random(clips_of(rows)), SETTINGS)
    assert score.macro_f1 > 0.95
    assert score.twin_share == 0
    assert not score.alarm


def test_a_few_recordings_that_happen_to_match_are_an_accident() -> None:
    """Three recordings of 20 clips in val look like others in train, and have their labels."""
    rows = [
        {
            'label': label,
            'split': split,
            'recording': f'{split}{scene}',
            'signature': signature_of(scene, noise=6, noise_seed=number + 100 * (split == 'val')),
        }
        for scene, label in enumerate('abb')
        for split in ('train', 'val')
        for number in range(20)
    ]
    (known,) = leakage_scores(clips_of(rows), SETTINGS)
    assert (known.twin_share, known.macro_f1) == (1, 1)
    # Of the orders of a, b, b, a third are the true one.
    assert 0.25 < known.p_value < 0.42
    assert not known.alarm
    (unknown,) = leakage_scores(clips_of(rows).assign(recording=''), SETTINGS)
    assert unknown.alarm


def test_no_score_without_train_labels_or_enough_clips() -> None:
    clips = scenes(12, 8, label_of_scene=True)
    assert leakage_scores(clips, SETTINGS) == []
    assert leakage_scores(at_random(clips).assign(label=''), SETTINGS) == []
    few = at_random(clips).groupby('split').head(5)
    assert leakage_scores(few, SETTINGS) == []


def test_train_may_have_another_name() -> None:
    clips = at_random(scenes(12, 8, label_of_scene=True)).sort_values('split', kind='stable')
    (score,) = leakage_scores(clips, SETTINGS)
    renamed = clips.assign(split=clips['split'].map({'train': 'training', 'val': 'val'}))
    assert leakage_scores(renamed, SETTINGS) == [score]
    assert unjudged_splits(renamed) == {}


def test_splits_that_cannot_be_judged_are_told_with_the_reason() -> None:
    clips = at_random(scenes(12, 8, label_of_scene=True))
    assert unjudged_splits(clips) == {}
    assert unjudged_splits(clips.assign(split='')) == {}
    assert 'no clip has a thumbnail' in unjudged_splits(clips.assign(signature=''))['val']
    in_train = clips['split'] == 'train'
    one_class = clips.assign(label=clips['label'].mask(in_train, 'a'))
    assert unjudged_splits(one_class)['val'].startswith('1 classes have')
    test = scenes(2, 5, label_of_scene=True).assign(split='test').iloc[:9]
    three = pd.concat([clips, test], ignore_index=True)
    assert [score.split for score in leakage_scores(three, SETTINGS)] == ['val']
    (split,) = unjudged = unjudged_splits(three)
    assert split == 'test'
    assert unjudged['test'].startswith('9 of its clips')


def test_recordings_on_two_sides() -> None:
    clips = clips_of(
        [
            {'recording': 'r1', 'split': 'train'},
            {'recording': 'r1', 'split': 'val'},
            {'recording': 'r1', 'split': 'train'},
            {'recording': 'r2', 'split': 'val'},
            {'recording': '', 'split': 'val'},
            {'recording': '', 'split': 'train'},
        ]
    )
    (problem,) = check_recordings(clips, SETTINGS)
    assert problem.detail == 'r1: clips in train 2, val 1'
    assert problem.split == 'train, val'
