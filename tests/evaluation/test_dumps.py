"""Dumps are read, and nothing in them is run."""

import pickle

import mmengine
import numpy as np
import pytest
import torch

from mmaction_timesformer.evaluation import load_dump, predictions_from_samples


def sample(label=1, **facts):
    scores = torch.tensor([0.1, 0.7, 0.2])
    label = torch.tensor([label])
    return dict(pred_score=scores, gt_label=label, pred_label=label, num_classes=3, **facts)


@pytest.mark.parametrize('protocol', [2, 4, 5])
def test_a_dump_of_test_py_comes_back(tmp_path, protocol):
    path = tmp_path / 'run.pkl'
    arrays = dict(frame_inds=np.arange(8), fps=np.float64(3))
    facts = dict(filename='a b.mp4', img_shape=(224, 224), **arrays)
    path.write_bytes(pickle.dumps([sample(**facts), sample(2)], protocol))
    if protocol == 2:
        mmengine.dump([sample(**facts), sample(2)], str(path))
    first, second = load_dump(path)
    torch.testing.assert_close(first['pred_score'], torch.tensor([0.1, 0.7, 0.2]))
    assert first['filename'] == 'a b.mp4'
    assert first['frame_inds'].tolist() == list(range(8))
    assert second['gt_label'].item() == 2


class Evil:
    """Would make a file when unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, 'w')


def test_code_in_a_dump_is_refused_and_not_run(tmp_path):
    path, trace = tmp_path / 'evil.pkl', tmp_path / 'trace'
    path.write_bytes(pickle.dumps([sample(extra=Evil(trace))]))
    with pytest.raises(ValueError, match=r'evil\.pkl: refused, the file asks for _?io\.open'):
        load_dump(path)
    assert not trace.exists()


def test_code_inside_a_tensor_is_refused_and_not_run(tmp_path):
    """A pickled tensor holds bytes that torch would unpickle without limits."""
    path, trace = tmp_path / 'evil.pkl', tmp_path / 'trace'
    inner = tmp_path / 'inner.pt'
    torch.save(Evil(trace), inner)

    class Storage:
        def __reduce__(self):
            return torch.storage._load_from_bytes, (inner.read_bytes(),)

    path.write_bytes(pickle.dumps([sample(extra=Storage())]))
    with pytest.raises(ValueError, match=r'evil\.pkl: damaged'):
        load_dump(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'empty'),
        (pickle.dumps([sample()])[:-40], 'cut off|damaged'),
        (b'PK\x03\x04 not a pickle', 'damaged or no pickle'),
        (pickle.dumps({'state_dict': {}}), 'holds a dict of something else'),
        (pickle.dumps([]), 'no predictions'),
        (pickle.dumps([{'pred_score': 1}]), 'without gt_label'),
    ],
)
def test_other_files_are_named_with_what_was_expected(tmp_path, content, message):
    path = tmp_path / 'foreign.pkl'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf'(?s)foreign\.pkl: .*({message}).*test\.py --dump'):
        load_dump(path)


def test_every_truncation_gives_a_clear_error(tmp_path):
    whole = pickle.dumps([sample(), sample(0)])
    path = tmp_path / 'cut.pkl'
    for length in range(0, len(whole) - 1, 23):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r'cut\.pkl'):
            load_dump(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.pkl: no such file'):
        load_dump(tmp_path / 'none.pkl')


def test_logits_become_probabilities():
    logits = torch.tensor([2.0, -1.0, 0.5])
    samples = [dict(pred_score=logits, gt_label=torch.tensor([0]))]
    scores = predictions_from_samples(samples).scores
    np.testing.assert_allclose(scores[0], logits.softmax(0).numpy(), rtol=1e-6)


def test_clips_without_a_label_are_left_out():
    predictions = predictions_from_samples([sample(0), sample(-1), sample(2)])
    assert predictions.labels.tolist() == [0, 2]


def test_recordings_are_known_where_the_samples_say_so():
    samples = [sample(recording=name, filename='x') for name in ('r1', 'r2', 'r1', None)]
    predictions = predictions_from_samples(samples)
    assert predictions.groups.tolist() == [0, 1, 0, 2]
    assert predictions_from_samples([sample(), sample()]).groups.tolist() == [0, 1]


@pytest.mark.parametrize(
    ('samples', 'message'),
    [
        ([], 'no predictions'),
        ([sample(-1)], 'no predictions of clips that have a label'),
        ([sample(), dict(pred_score=torch.rand(2), gt_label=torch.tensor([0]))], 'prediction 1'),
        ([dict(pred_score=torch.rand(3, 4), gt_label=torch.tensor([0]))], 'average_clips'),
        ([dict(pred_score=torch.rand(3))], 'no gt_label'),
        ([sample(7)], r'labels \[7\]'),
        (
            [sample(), dict(sample(), pred_score={'item': [0.1, 0.9]})],
            'prediction 1: pred_score is a dict, expected numbers',
        ),
        ([sample(-1), dict(sample(), gt_label={'item': 1})], 'prediction 1: gt_label is a dict'),
        ([dict(sample(), pred_score='high')], 'prediction 0: pred_score is a str, expected'),
        ([dict(sample(), gt_label='Other')], 'prediction 0: gt_label is a str, expected numbers'),
    ],
)
def test_samples_that_do_not_fit_are_refused(samples, message):
    with pytest.raises(ValueError, match=message):
        predictions_from_samples(samples)
