"""The table of public weights, and the page rendered from it."""

import re

from mmaction_timesformer.models.checkpoints import (
    FORMATS,
    PUBLIC_WEIGHTS,
    find_public_weights,
    markdown_table,
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
