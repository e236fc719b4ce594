"""Steps, measures and learners of the study, on features made by hand."""

import json

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeClassifier
from torch.nn import functional as F

from mmaction_timesformer.studies.clips import ClipSource, StudyClips
from mmaction_timesformer.studies.continual import command, learners
from mmaction_timesformer.studies.continual.learners import (
    STRENGTH,
    ClosedForm,
    Ewc,
    Joint,
    Lesson,
    Linear,
    Lwf,
    Night,
    Replay,
)
from mmaction_timesformer.studies.continual.sequence import Course, Step, make_steps

CAMERAS, CLASSES = ('gate', 'hall', 'track'), ('a', 'b', 'c')


def make_clips(number=108) -> StudyClips:
    numbers = np.arange(number)
    return StudyClips(
        tuple(map(str, numbers)), numbers % 3, np.array(CAMERAS)[numbers // 3 % 3], CLASSES
    )


def make_features(clips: StudyClips, seed=0) -> np.ndarray:
    """Classes lie apart; each camera moves them by an offset of its own."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(scale=2, size=(3, 20))
    offsets = dict(zip(CAMERAS, generator.normal(scale=2, size=(3, 20)), strict=True))
    shift = np.stack([offsets[camera] for camera in clips.groups])
    return centres[clips.labels] + shift + generator.normal(scale=0.5, size=(len(clips), 20))


def lessons(clips, features, steps):
    return [command.lesson_of(step, features, clips) for step in steps]


@pytest.mark.parametrize('seed', [0, 1])
def test_each_clip_comes_once_and_the_last_class_last(seed):
    clips = make_clips()
    steps = make_steps(clips, 'b', seed)
    assert sorted(step.name for step in steps[:-1]) == sorted(CAMERAS)
    assert steps[-1].name == 'class b'
    everything = np.concatenate([part for step in steps for part in (step.train, step.test)])
    assert sorted(everything) == list(range(len(clips)))
    for step in steps[:-1]:
        assert set(clips.groups[step.train]) == set(clips.groups[step.test]) == {step.name}
        assert set(clips.labels[np.concatenate([step.train, step.test])]) == {0, 2}
        assert step.known.tolist() == [True, False, True]
    assert steps[-1].known.all()
    assert sum(len(step.test) for step in steps) == len(clips) // 3


def test_a_camera_with_two_clips_is_a_step():
    labels, groups = np.array([0] * 6 + [1] * 8), np.array(['gate'] * 12 + ['hall'] * 2)
    clips = StudyClips(tuple(map(str, range(14))), labels, groups, ('a', 'b'))
    steps = {step.name: step for step in make_steps(clips, 'a', 0)}
    assert (len(steps['hall'].train), len(steps['hall'].test)) == (1, 1)
    with pytest.raises(ValueError, match="'d' is none of the classes"):
        make_steps(clips, 'd', 0)


def test_measures_by_hand():
    labels = np.array([0, 0, 1, 1])
    nothing, known = np.zeros(0, dtype=int), np.ones(2, dtype=bool)
    steps = [
        Step('first', nothing, np.array([0, 1]), known),
        Step('second', nothing, np.array([2, 3]), known),
    ]
    answers = np.array([[0, 0, -1, -1], [0, 1, 1, 1]])
    course = Course(steps, answers, labels, 0.0)
    np.testing.assert_array_equal(course.matrix(), [[1.0, np.nan], [0.5, 1.0]])
    assert course.average_accuracy == 0.75
    assert course.clip_accuracy == 0.75
    assert course.forgetting == 0.5
    cells = course.cells(np.array(['x', 'y', 'x', 'x']))
    assert cells[1] == {('x', 0): (1, 1), ('y', 0): (0, 1), ('x', 1): (2, 2)}


def test_added_up_equals_scikit_learn_on_everything():
    clips = make_clips()
    features = make_features(clips)
    steps = make_steps(clips, 'c', 0)
    learner = ClosedForm(3, 20)
    for lesson in lessons(clips, features, steps):
        learner.learn(lesson)
    rows = np.concatenate([step.train for step in steps])
    shares = 1 / np.bincount(clips.labels[rows])[clips.labels[rows]]
    shares /= shares.sum()
    mean = shares @ features[rows]
    deviation = np.sqrt(shares @ np.square(features[rows] - mean))
    peer = RidgeClassifier(alpha=STRENGTH * 20, class_weight='balanced')
    peer.fit((features[rows] - mean) / deviation, clips.labels[rows])
    expected = peer.decision_function((features - mean) / deviation)
    np.testing.assert_allclose(2 * learner.logits(features) - 1, expected, atol=1e-6)


def test_who_goes_on_with_new_clips_alone_forgets_and_who_repeats_does_not():
    """Each step brings a class of its own: without the old ones, the newest is the answer."""
    clips = make_clips()
    clips = StudyClips(clips.files, clips.labels, np.array(CAMERAS)[clips.labels], CLASSES)
    features = make_features(clips)
    steps = make_steps(clips, 'c', 0)
    found = {
        kind: command.run_course(kind, features, clips, steps, 0)
        for kind in (Linear, Joint, Replay, Night, ClosedForm)
    }
    assert found[Linear].forgetting > 0.3
    for kind in (Joint, Replay, Night, ClosedForm):
        assert found[kind].average_accuracy > found[Linear].average_accuracy + 0.3


def small_lesson(seed=0) -> Lesson:
    generator = np.random.default_rng(seed)
    labels = np.arange(12) % 2
    return Lesson(
        generator.normal(size=(12, 4)) + 3 * labels[:, None],
        labels,
        np.array(['gate'] * 12),
        np.array([True, True, False]),
    )


def test_old_answers_are_asked_for_the_classes_of_then():
    learner = Lwf(3, 4)
    learner.learn(small_lesson())
    rows = torch.randn(5, 4)
    assert learner.penalty(rows).item() == pytest.approx(0, abs=1e-6)
    old = learner.weight.detach().clone(), learner.bias.detach().clone()
    with torch.no_grad():
        learner.weight += torch.randn(3, 4)
    before = (rows @ old[0].T + old[1])[:, :2] / 2
    after = (rows @ learner.weight.T + learner.bias)[:, :2] / 2
    expected = (before.softmax(1) * (before.log_softmax(1) - after.log_softmax(1))).sum(1).mean()
    assert learner.penalty(rows).item() == pytest.approx(4 * expected.item(), rel=1e-4)


def test_ewc_holds_what_mattered():
    """The diagonal of the empirical Fisher matrix, from gradients of single clips."""
    lesson = small_lesson()
    learner = Ewc(3, 4)
    learner.learn(lesson)
    rows, expected = learner.tensor(lesson.rows), torch.zeros(3, 4)
    for row, label in zip(rows, torch.from_numpy(lesson.labels), strict=True):
        loss = F.cross_entropy(learner.score(row[None]), label[None])
        (gradient,) = torch.autograd.grad(loss, learner.weight)
        expected += gradient.square() / len(rows)
    torch.testing.assert_close(learner._fisher[0], expected)
    with torch.no_grad():
        learner.weight += 0.5
    assert learner.penalty(rows).item() == pytest.approx(
        100 / 2 * 0.25 * expected.sum().item(), rel=1e-4
    )


def test_the_page_is_offline_and_says_what_was_found(tmp_path, monkeypatch):
    clips = make_clips()
    monkeypatch.setattr(learners, 'EPOCHS', 3)
    monkeypatch.setattr(command, 'read_clips', lambda source: clips)
    monkeypatch.setattr(command, 'read_features', lambda found, folder: make_features(clips))
    assert command.continual_command(ClipSource(tmp_path), tmp_path) == 0
    content = json.loads((tmp_path / 'continual.json').read_text())
    assert float(content['facts']['difference of the closed forms']) < 1e-6
    added, joint = content['lines'][:2]
    assert added['average_accuracy'] == joint['average_accuracy']
    page = (tmp_path / 'continual.html').read_text()
    assert 'http' not in page.replace('http-equiv', '')
    assert 'class c' in page
    assert command.continual_command(ClipSource(tmp_path), tmp_path, 'none') == 2
