"""The image network against the package that its weights were made for."""

import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import nn

from mmaction_timesformer.models.patch_embeds.efficientnet_lite import (
    EfficientNetLite,
    rename_weights,
)
from mmaction_timesformer.models.patch_embeds.imagenet_weights import PACKAGES


@pytest.mark.parametrize(
    ('number', 'size'), [(0, (224, 224)), (1, (240, 240)), (2, (260, 260)), (0, (97, 130))]
)
def test_equals_the_peer(number, size):
    weights = PACKAGES[f'efficientnet_lite{number}'].load()
    # Without a size of its own, the peer pads for any.
    peer = EfficientNet.from_name(f'efficientnet-lite{number}', image_size=None).eval()
    peer.load_state_dict(weights)
    own = EfficientNetLite(f'efficientnet_lite{number}').eval()
    own.load_state_dict(rename_weights(weights, own))
    pictures = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(
            own(pictures), peer.extract_features(pictures), rtol=0, atol=1e-5
        )


@pytest.mark.parametrize(
    ('stage', 'channels', 'stride'), [(3, 40, 8), (5, 112, 16), (7, 320, 32), (8, 1280, 32)]
)
def test_stages_are_what_the_maps_are(stage, channels, stride):
    network = EfficientNetLite('efficientnet_lite0', stage).eval()
    maps = network(torch.zeros(1, 3, 64, 96))
    assert maps.shape[1:] == (channels, 64 // stride, 96 // stride)
    assert (network.out_channels, network.stride) == (channels, stride)


def test_a_part_of_the_network_is_the_beginning_of_the_whole():
    weights = PACKAGES['efficientnet_lite0'].load()
    whole = EfficientNetLite('efficientnet_lite0').eval()
    part = EfficientNetLite('efficientnet_lite0', 5).eval()
    for network in (whole, part):
        network.load_state_dict(rename_weights(weights, network))
    pictures = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    seen = []
    assert isinstance(whole.stages[4], nn.Module)
    whole.stages[4].register_forward_hook(lambda module, given, maps: seen.append(maps))
    with torch.inference_mode():
        whole(pictures)
        torch.testing.assert_close(part(pictures), seen[0])


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [(('efficientnet_b0',), 'efficientnet_lite2'), (('efficientnet_lite0', 9), r'1\.\.8')],
)
def test_unknown_choices_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        EfficientNetLite(*arguments)
