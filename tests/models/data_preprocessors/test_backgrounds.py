"""Backgrounds that are exchanged or weakened, by hand."""

import pytest
import torch
from mmaction.models.data_preprocessors import ActionDataPreprocessor
from mmaction.structures import ActionDataSample

from mmaction_timesformer.models.data_preprocessors import BackgroundErase, ForegroundPaste
from mmaction_timesformer.models.data_preprocessors.backgrounds import median_frame


def make_clips():
    """Two clips with backgrounds 1 and 2, and a square of 9 that moves along in the first."""
    clips = torch.ones(2, 1, 3, 5, 20, 20)
    clips[1] = 2
    for frame in range(5):
        clips[0, :, :, frame, 8:11, 4 * frame : 4 * frame + 3] = 9
    return clips


def test_what_moves_is_pasted():
    clips = make_clips()
    torch.manual_seed(1)
    paste = ForegroundPaste(chance=1.0)
    while True:
        pasted, _ = paste(clips, [])
        if pasted[1].max() == 1:  # the backgrounds were exchanged
            break
    for frame in range(5):
        square = (slice(None), slice(None), frame, slice(8, 11), slice(4 * frame, 4 * frame + 3))
        assert (pasted[0][square] == 9).all()
    assert (pasted[0, :, :, :, :5] == 2).all()
    assert (pasted[0, :, :, :, 15:] == 2).all()


def test_by_chance_nothing_changes():
    clips = make_clips()
    for blending in (ForegroundPaste(chance=0.0), BackgroundErase(chance=0.0)):
        found, samples = blending(clips, ['a', 'b'])
        assert torch.equal(found, clips)
        assert samples == ['a', 'b']


def test_a_still_frame_scales_differences_over_time():
    clips = torch.randn(3, 2, 3, 4, 6, 6)
    torch.manual_seed(0)
    found, _ = BackgroundErase(strength=0.5, chance=1.0)(clips, [])
    for before, after in zip(clips, found, strict=True):
        ratio = (after[:, :, 1:] - after[:, :, :-1]) / (before[:, :, 1:] - before[:, :, :-1])
        torch.testing.assert_close(ratio, ratio.mean().expand_as(ratio), atol=1e-3, rtol=1e-3)
        assert 0.5 <= ratio.mean() < 1


def test_as_blending_of_a_data_preprocessor():
    preprocessor = ActionDataPreprocessor(
        mean=[0.0] * 3,
        std=[1.0] * 3,
        format_shape='NCTHW',
        blending=dict(type='BackgroundErase', strength=0.9, chance=1.0),
    )
    data = dict(inputs=list(make_clips()), data_samples=[ActionDataSample(), ActionDataSample()])
    torch.manual_seed(0)
    trained = preprocessor(data, training=True)['inputs']
    assert not torch.equal(trained[0], make_clips()[0])
    assert torch.equal(preprocessor(data, training=False)['inputs'], make_clips())


@pytest.mark.parametrize('options', [dict(strength=1.0), dict(chance=2.0)])
def test_wrong_arguments(options):
    with pytest.raises(ValueError, match='strength'):
        BackgroundErase(**options)


@pytest.mark.parametrize('num_frames', [1, 2, 5, 8])
@pytest.mark.parametrize('dtype', [torch.uint8, torch.float32])
def test_median_is_torch_s(num_frames, dtype):
    clips = torch.randint(0, 4, (2, 3, num_frames, 5, 7)).to(dtype)
    expected = clips.median(dim=2, keepdim=True).values
    before = clips.clone()

    assert torch.equal(median_frame(clips), expected)
    assert torch.equal(clips, before)
