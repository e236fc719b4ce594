from data_analysis.checks.labels import check_class_counts, check_imbalance, check_known_labels
from data_analysis.checks.settings import CheckSettings
from tests.data_analysis.clip_tables import clips_of

SETTINGS = CheckSettings(classes=('a', 'b'), few_samples=3, few_test_samples=2)


def many(label: str, split: str, number: int) -> list[dict]:
    return [{'label': label, 'split': split}] * number


def named(rows: list[dict]):
    return clips_of({**row, 'path': f'{index}.mp4'} for index, row in enumerate(rows))


def test_labels_outside_the_classes_and_clips_without() -> None:
    clips = named([*many('a', '', 1), *many('z', '', 1), *many('b;z', '', 1), *many('', '', 1)])
    found = [(p.path, p.detail) for p in check_known_labels(clips, SETTINGS)]
    assert found == [
        ('1.mp4', "'z' is none of 2 classes"),
        ('2.mp4', "'z' is none of 2 classes"),
        ('3.mp4', 'no label'),
    ]
    assert not list(check_known_labels(named(many('', '', 3)), CheckSettings(classes=())))


def test_classes_that_a_split_lacks_or_hardly_has() -> None:
    clips = named([*many('a', 'train', 3), *many('b', 'train', 2), *many('a', 'val', 2)])
    found = [(p.code, p.label, p.split) for p in check_class_counts(clips, SETTINGS)]
    assert found == [('few_samples', 'b', 'train'), ('class_absent', 'b', 'val')]


def test_train_may_have_another_name() -> None:
    clips = named([*many('a', 'training', 2), *many('b', 'training', 3), *many('a', 'val', 2)])
    found = [(p.code, p.label, p.split) for p in check_class_counts(clips, SETTINGS)]
    assert found == [('few_samples', 'a', 'training'), ('class_absent', 'b', 'val')]


def test_imbalance_is_that_of_train() -> None:
    clips = named([*many('a', 'train', 9), *many('b', 'train', 3), *many('b', 'val', 90)])
    (problem,) = check_imbalance(clips, SETTINGS)
    assert problem.detail == 'a has 9 clips, b 3: 3.0 to 1'
    assert problem.split == 'train'
    even = named([*many('a', 'train', 8), *many('b', 'train', 3)])
    assert not list(check_imbalance(even, SETTINGS))
