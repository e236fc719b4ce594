"""Clips whose label is told by one moving patch, and a model that must look at it.

Every patch is red or green at random. One, marked blue, moves in a straight line; its red or green
is the label. All others say nothing: whoever averages over patches learns nothing.
"""

import torch
from torch import nn

from mmaction_timesformer.models import TimeSformerBackbone
from mmaction_timesformer.models.layers import AttentionStep
from tests.explanation.models import SCHEMES

NUM_FRAMES, GRID, PATCH = 4, 6, 4
RED, GREEN, MARK = range(3)


def planted_clips(num, seed=0):
    """Clips (B, 3, T, H, W), labels (B,) and where the object is, (B, T, h, w)."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(2, (num,), generator=generator)
    start = torch.randint(GRID, (num, 1, 2), generator=generator)
    step = torch.randint(-1, 2, (num, 1, 2), generator=generator)
    times = torch.arange(NUM_FRAMES)
    rows, columns = ((start + step * times[:, None]) % GRID).unbind(dim=-1)
    where = torch.zeros(num, NUM_FRAMES, GRID, GRID, dtype=torch.bool)
    where[torch.arange(num)[:, None], times, rows, columns] = True
    colours = torch.randint(2, where.shape, generator=generator) * 2.0 - 1
    colours[where] = (labels * 2.0 - 1).repeat_interleave(NUM_FRAMES)
    pictures = torch.stack((colours, -colours, 4.0 * where), dim=1)
    pictures = pictures.repeat_interleave(PATCH, dim=3).repeat_interleave(PATCH, dim=4)
    noise = torch.randn(pictures.shape, generator=generator)
    return pictures + 0.3 * noise, labels, where


@torch.no_grad()
def model_that_must_look(scheme, num_layers=2, **options):
    """Weights by hand: every query looks for the mark and takes the colour found there.

    Channels come in pairs of opposite sign, so that LayerNorm leaves their ratios alone: mark,
    colour (the feature that tells the label), a constant.
    """
    model = TimeSformerBackbone(
        num_frames=NUM_FRAMES,
        img_size=GRID * PATCH,
        patch_size=PATCH,
        embed_dims=8,
        num_heads=1,
        num_transformer_layers=num_layers,
        drop_path_rate=0.0,
        attention_type=SCHEMES[scheme],
        **options,
    ).eval()
    for parameter in model.parameters():
        parameter.zero_()
    mark, colour, constant = 0, 2, 4
    projection = model.patch_embed.projection
    for channel, source in ((mark, MARK), (colour, RED)):
        projection.weight[channel, source] = 1 / PATCH**2
        projection.weight[channel + 1, source] = -1 / PATCH**2
    for target in (projection.bias, model.cls_token[0, 0]):
        target[constant], target[constant + 1] = 1, -1
    for module in model.modules():
        if isinstance(module, nn.LayerNorm):
            module.weight.fill_(1)
        if isinstance(module, AttentionStep):
            module.qkv.bias[mark] = 1
            module.qkv.weight[8 + mark, mark] = 12
            for channel in (colour, colour + 1):
                module.qkv.weight[16 + channel, channel] = 1
            module.proj.weight.copy_(torch.eye(8))
            if module.fc is not None:
                module.fc.weight.copy_(torch.eye(8))
    return model


def label_score(features, labels):
    """Evidence for the label in the features of `model_that_must_look`: (B,)."""
    return features[:, 2] * (2 * labels - 1)


def mass_on_object(maps, where):
    """Share of each map (B, T, h, w) on the object, (B,)."""
    return (maps * where).sum(dim=(1, 2, 3)) / maps.sum(dim=(1, 2, 3))


def points_at_object(maps, where):
    """Whether the largest value of each map is on the object, (B,) booleans."""
    best = maps.flatten(1).argmax(dim=1, keepdim=True)
    return where.flatten(1).gather(1, best).squeeze(1)
