"""Maps are true: they show the one patch that decides, and hiding it undoes the decision."""

import pytest
import torch
from torch import nn

from mmaction_timesformer.explanation import (
    AttentionRecorder,
    attention_rollout,
    class_relevance,
    faithfulness_curves,
)
from mmaction_timesformer.models import TimeSformerBackbone
from tests.explanation.models import SCHEMES
from tests.explanation.planted_object import (
    GRID,
    NUM_FRAMES,
    PATCH,
    label_score,
    mass_on_object,
    model_that_must_look,
    planted_clips,
    points_at_object,
)

CHANCE = 1 / GRID**2


def explain(model, clips, score):
    with AttentionRecorder(model) as recorder:
        scores = score(model(clips))
        scores.sum().backward()
    (recording,) = recorder.recordings
    return scores, class_relevance(recording), attention_rollout(recording)


# In axial attention a line of patches has its own copy of the class token, and most lines do not
# hold the object: the copies' mean sees mostly lines without it.
LEAST_MASS = {'axial': (0.15, 0.3), 'divided, class token in time': (0.5, 0.8)}


@pytest.mark.parametrize('scheme', SCHEMES)
def test_the_map_s_mass_falls_on_the_object(scheme):
    clips, labels, where = planted_clips(32)
    model = model_that_must_look(scheme)
    scores, relevance, rollout = explain(model, clips, lambda f: label_score(f, labels))
    assert (scores > 0).float().mean() > 0.7
    least_relevance, least_rollout = LEAST_MASS.get(scheme, (0.9, 0.6))
    assert mass_on_object(relevance, where).mean() > least_relevance > 5 * CHANCE
    assert mass_on_object(rollout, where).mean() > least_rollout
    assert points_at_object(relevance, where).all()


def test_the_map_of_a_mean_over_patches_falls_on_the_object():
    clips, labels, where = planted_clips(32)
    model = model_that_must_look('divided', out_type='avg')
    _, relevance, _ = explain(model, clips, lambda f: label_score(f, labels))
    assert mass_on_object(relevance, where).min() > 0.5


@pytest.mark.parametrize('scheme', SCHEMES)
def test_deleting_by_relevance_hurts_more_than_by_chance(scheme):
    clips, labels, _ = planted_clips(4, seed=1)
    model = model_that_must_look(scheme)
    _, relevance, _ = explain(model, clips, lambda f: label_score(f, labels))
    areas = []
    for clip, label, map_ in zip(clips, labels, relevance, strict=True):

        def score(changed, label=label):
            return label_score(model(changed), label)

        curves = faithfulness_curves(score, clip, map_, num_points=6)
        areas.append(list(curves.areas().values()))
        empty = clip.mean(dim=(2, 3), keepdim=True).expand_as(clip)
        whole, nothing = score(torch.stack((clip, empty))).tolist()
        for curve in (curves.deletion, *curves.random_deletion):
            assert curve[[0, -1]] == pytest.approx([whole, nothing], abs=1e-5)
        for curve in (curves.insertion, *curves.random_insertion):
            assert curve[[0, -1]] == pytest.approx([nothing, whole], abs=1e-5)
    deletion, insertion, random_deletion, random_insertion = torch.tensor(areas).mean(dim=0)
    assert deletion < random_deletion - 1
    assert insertion > random_insertion


def test_deletion_by_hand():
    """A score that counts lit patches: the map that knows them takes them away first."""
    clip = torch.zeros(1, 2, 4, 4)
    clip[0, 0, :2, :2] = 4.0
    clip[0, 1, 2:, 2:] = 4.0
    relevance = torch.zeros(2, 2, 2)
    relevance[0, 0, 0] = relevance[1, 1, 1] = 1

    def lit(clips):
        blocks = torch.nn.functional.max_pool3d(clips, (1, 2, 2))
        return (blocks > 2).sum(dim=(1, 2, 3, 4)).float()

    curves = faithfulness_curves(lit, clip, relevance, num_points=9, num_random=20)
    assert curves.deletion.tolist() == [2, 1, 0, 0, 0, 0, 0, 0, 0]
    assert curves.insertion.tolist() == [0, 1, 2, 2, 2, 2, 2, 2, 2]
    areas = curves.areas()
    assert areas['deletion'] == pytest.approx((2 / 2 + 1 + 0) / 8)
    assert areas['random_deletion'] == pytest.approx(1.0, abs=0.2)


def test_the_map_of_a_trained_model_falls_on_the_object():
    """Seconds of training instead of weights by hand: the maps find what the model found."""
    torch.manual_seed(0)
    backbone = TimeSformerBackbone(
        num_frames=NUM_FRAMES,
        img_size=GRID * PATCH,
        patch_size=PATCH,
        embed_dims=32,
        num_heads=4,
        num_transformer_layers=2,
        drop_path_rate=0.0,
        attention_type='space_only',
    )
    model = nn.Sequential(backbone, nn.Linear(32, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(160):
        clips, labels, _ = planted_clips(16, seed=step)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(clips), labels).backward()
        optimizer.step()
    clips, labels, where = planted_clips(32, seed=1000)
    signs = 2 * labels - 1

    def margin(logits):
        return (logits[:, 1] - logits[:, 0]) * signs

    margins, relevance, _ = explain(model.eval(), clips, margin)
    assert (margins > 0).float().mean() > 0.9
    assert mass_on_object(relevance, where).mean() > 5 * CHANCE
    assert points_at_object(relevance, where).float().mean() > 0.8
