"""mmaction2's Grad-CAM, unmodified, on this backbone."""

import pytest
import torch
from mmaction.structures import ActionDataSample
from mmaction.utils import GradCAM
from mmengine.registry import init_default_scope

from mmaction_timesformer.registry import MODELS
from tests.explanation.models import SCHEMES, random_clips, tiny_backbone


def recognizer(scheme, out_type='cls'):
    init_default_scope('mmaction')
    model = MODELS.build(
        dict(
            type='Recognizer3D',
            backbone=dict(
                type='TimeSformerBackbone',
                num_frames=3,
                img_size=(16, 12),
                patch_size=4,
                embed_dims=16,
                num_heads=2,
                num_transformer_layers=2,
                drop_path_rate=0.0,
                attention_type=SCHEMES[scheme],
                out_type=out_type,
            ),
            cls_head=dict(type='TimeSformerClsHead', num_classes=3, in_channels=16),
            data_preprocessor=dict(
                type='ActionDataPreprocessor', mean=[0.0] * 3, std=[1.0] * 3, format_shape='NCTHW'
            ),
        )
    )
    model.backbone.load_state_dict(tiny_backbone(scheme).state_dict())
    torch.nn.init.normal_(model.cls_head.fc_cls.weight)
    return model.eval()


@pytest.mark.parametrize('out_type', ['cls', 'avg'])
@pytest.mark.parametrize('scheme', SCHEMES)
def test_localisation_map_is_gradient_weighted_features(scheme, out_type):
    """The oracle: the features that the last block reads and autograd, without any hook."""
    model = recognizer(scheme, out_type)
    clips = random_clips(1).unsqueeze(0)
    sample = ActionDataSample().set_gt_label(1)
    data = dict(inputs=[clips[0]], data_samples=[sample])
    seen, _ = GradCAM(model, 'backbone/token_grid')._calculate_localization_map(data, True)

    backbone = model.backbone
    read = []
    backbone.blocks[-1].register_forward_pre_hook(lambda module, args: read.append(args[0]))
    score = model.cls_head(backbone(clips[0]))[0, 1]
    (features,) = read
    (gradient,) = torch.autograd.grad(score, features)
    num_cls = 3 if scheme == 'space only' else 1
    grid = (3, 4, 3)
    tokens = features.detach()[0, num_cls:].view(*grid, -1)
    weights = gradient[0, num_cls:].view(*grid, -1).mean(dim=(1, 2), keepdim=True)
    expected = (tokens * weights).sum(dim=-1).relu()
    assert expected.max() > 0
    expected = torch.nn.functional.interpolate(expected[None, None], (3, 16, 12), mode='trilinear')
    low, high = expected.min(), expected.max()
    torch.testing.assert_close(seen, ((expected - low) / (high - low))[0], rtol=1e-4, atol=1e-5)


def test_the_grid_is_the_identity():
    backbone, clips = tiny_backbone(), random_clips()
    grids = []
    plain = backbone(clips)
    handle = backbone.token_grid.register_forward_hook(lambda m, args, out: grids.append(out))
    assert torch.equal(backbone(clips), plain)
    assert grids[0].shape == (2, 16, 3, 4, 3)
    handle.remove()
    backbone.token_grid.register_forward_hook(lambda m, args, out: torch.zeros_like(out))
    assert not torch.equal(backbone(clips), plain)
