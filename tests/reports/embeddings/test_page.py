"""A page of features from a run: its facts, its files, and nothing from elsewhere."""

import copy
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from mmaction_timesformer.evaluation import load_dump
from mmaction_timesformer.inference.clip_features import collect_features
from mmaction_timesformer.inference.trained_model import TrainedModel
from mmaction_timesformer.reports.embeddings.page import EmbeddingOptions, visualize_embeddings


@pytest.fixture(scope='module')
def trained(tiny_run):
    (best,) = tiny_run.glob('best_*.pth')
    return TrainedModel.load(tiny_run.parent / 'config.py', best)


def test_features_are_what_the_last_layer_reads(trained, tiny_run):
    collected = collect_features(trained, ['test'], 1000, batch_size=5)
    logits = trained.model.cls_head.fc_cls(torch.from_numpy(collected.features))
    assert collected.features.shape == (32, 48)
    assert not trained.model.cls_head.fc_cls._forward_pre_hooks
    # Three views' probabilities are averaged in the dump; one view's logits are linear in features.
    dumped = torch.stack([sample['pred_score'] for sample in load_dump(tiny_run / 'test.pkl')])
    torch.testing.assert_close(torch.from_numpy(collected.scores), dumped, atol=1e-5, rtol=0)
    agreeing = logits.argmax(1) == dumped.argmax(1)
    assert agreeing.float().mean() > 0.9
    assert {clip['recording'] for clip in collected.clips} == {f'rec{k:03d}' for k in range(12, 16)}


def test_clips_are_taken_evenly_from_the_splits(trained):
    collected = collect_features(trained, ['train', 'val'], 12)
    splits = [clip['split'] for clip in collected.clips]
    assert splits == ['train'] * 8 + ['val'] * 4
    assert collected.clips[0]['file'] != collected.clips[1]['file']


def test_a_clip_of_two_splits_is_taken_once(trained):
    """Otherwise it would be its own nearest neighbour."""
    config = copy.deepcopy(trained.config)
    config.val_dataloader = config.test_dataloader
    collected = collect_features(replace(trained, config=config), ['val', 'test'], 1000)
    assert [clip['split'] for clip in collected.clips] == ['val'] * 32
    assert len({clip['file'] for clip in collected.clips}) == 32


def test_the_page(tiny_run, tmp_path):
    (best,) = tiny_run.glob('best_*.pth')
    page = visualize_embeddings(
        tiny_run.parent / 'config.py', best, tmp_path / 'out', EmbeddingOptions(max_clips=40)
    )
    text = page.read_text()
    assert {path.name for path in page.parent.iterdir() if path.name[0] != '.'} == {
        'index.html', 'features.npy', 'clips.csv', 'positions_space.png', 'positions_time.png',
    }  # fmt: skip
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    clips = json.loads(data)['clips']
    table = pd.read_csv(page.parent / 'clips.csv')
    assert [clip['class'] for clip in clips] == table['class'].tolist()
    assert len(np.load(page.parent / 'features.npy')) == len(clips)
    assert all(clip['strip'].startswith('data:image/jpeg;base64,') for clip in clips)
    assert not re.search(r'(?:src|href)="(?!data:|#)', text)
    assert "default-src 'none'" in text


def test_a_missing_split_is_named(trained):
    with pytest.raises(ValueError, match="'training' is no split"):
        collect_features(trained, ['training'], 10)
