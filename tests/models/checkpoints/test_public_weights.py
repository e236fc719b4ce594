"""The table of public weights, the page rendered from it, and the preprocessing of weights."""

import re

import pytest
import torch
from mmaction.models import ActionDataPreprocessor

from mmaction_timesformer.models.checkpoints import (
    FORMATS,
    PUBLIC_WEIGHTS,
    find_public_weights,
    markdown_table,
)
from mmaction_timesformer.models.checkpoints.public_weights import (
    HALF,
    IMAGENET,
    TIMESFORMER,
    Preprocessing,
    agree,
    cached_name,
    read_preprocessing,
)
from mmaction_timesformer.registry import ATTENTION_SCHEMES


def test_page_is_rendered_from_the_table(root):
    page = (root / 'docs' / 'weights.md').read_text(encoding='utf-8')
    (table,) = re.findall(r'<!-- table -->\n(.*?)\n<!-- end of table -->', page, re.DOTALL)
    assert table == markdown_table(), 'run tools/convert_checkpoint.py --list and paste the table'


def test_entries_are_sound():
    formats = {known.name for known in FORMATS}
    for weights in PUBLIC_WEIGHTS:
        assert weights.family in formats
        assert weights.scheme in ATTENTION_SCHEMES.module_dict or weights.scheme == 'image'
        assert weights.url.startswith('https://')
        assert re.fullmatch('([0-9a-f]{8})?', weights.sha256)
        assert len(weights.preprocessing.mean) == len(weights.preprocessing.std) == 3
    assert len({weights.name for weights in PUBLIC_WEIGHTS}) == len(PUBLIC_WEIGHTS)
    assert len({weights.url for weights in PUBLIC_WEIGHTS}) == len(PUBLIC_WEIGHTS)


def test_families_agree_with_their_formats():
    for weights in PUBLIC_WEIGHTS:
        (known,) = [known for known in FORMATS if known.name == weights.family]
        assert known.preprocessing in (None, weights.preprocessing)


def test_entries_are_found_by_address_and_by_name():
    name = 'TimeSformer_divST_8x32_224_K400.pyth'
    weights = find_public_weights(f'/downloads/{name}')
    assert weights is not None
    assert weights.name == name.removesuffix('.pyth')
    assert find_public_weights(weights.url.replace('dl=1', 'dl=0')) is weights
    hugging_face = next(w for w in PUBLIC_WEIGHTS if w.file_name == 'pytorch_model.bin')
    assert find_public_weights(hugging_face.url) is hugging_face
    assert find_public_weights('/downloads/pytorch_model.bin') is None
    assert find_public_weights('') is None
    assert find_public_weights(f'/hub/{cached_name(weights.url)}') is weights


OF_TIMESFORMER = dict(mean=[114.75] * 3, std=[57.375] * 3)
OF_MMACTION2 = dict(mean=[127.5] * 3, std=[127.5] * 3)
OF_IMAGENET = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])


class Inverting(ActionDataPreprocessor):
    """Does something that a mean and a standard deviation do not describe."""

    def preprocess(self, inputs, data_samples, training=False):
        return super().preprocess([255 - clip for clip in inputs], data_samples, training)


def preprocessing_of(**config):
    found = read_preprocessing(ActionDataPreprocessor(**config, format_shape='NCTHW'))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ('config', 'expected'),
    [(OF_TIMESFORMER, TIMESFORMER), (OF_MMACTION2, HALF), (OF_IMAGENET, IMAGENET)],
)
def test_configs_mean_what_the_families_need(config, expected):
    for other in (TIMESFORMER, HALF, IMAGENET):
        assert agree(preprocessing_of(**config), other) == (other is expected)


def test_what_is_read_is_what_is_done():
    clip = torch.randint(0, 256, (3, 2, 4, 4), generator=torch.Generator().manual_seed(0)).float()
    for config in ({}, OF_TIMESFORMER, OF_IMAGENET, dict(**OF_IMAGENET, to_rgb=True)):
        preprocessor = ActionDataPreprocessor(**config, format_shape='NCTHW')
        found = preprocessing_of(**config)
        frames = clip.flip(0) if found.channel_order == 'bgr' else clip
        mean, std = (torch.tensor(v).view(3, 1, 1, 1) for v in (found.mean, found.std))
        actual = preprocessor.preprocess([clip], None)[0][0]
        torch.testing.assert_close((frames / 255 - mean) / std, actual)


def test_channel_order_and_missing_normalisation():
    swapped = preprocessing_of(**OF_MMACTION2, to_rgb=True)
    assert swapped.channel_order == 'bgr'
    assert not agree(swapped, HALF)
    bare = preprocessing_of()
    assert not agree(bare, HALF)
    assert str(bare) == 'RGB in 0..255 as it is'


def test_nothing_is_said_of_what_is_not_known():
    assert read_preprocessing(None) is None
    assert read_preprocessing(torch.nn.Identity()) is None
    assert read_preprocessing(Inverting(**OF_MMACTION2)) is None
    assert agree(Preprocessing((0.5,) * 4, (0.5,) * 4), TIMESFORMER)
