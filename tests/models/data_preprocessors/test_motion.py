import pytest
import torch
from mmaction.structures import ActionDataSample

from mmaction_timesformer.models import MotionDataPreprocessor
from mmaction_timesformer.registry import MODELS


def clip_of(red, green=0.0, blue=0.0):
    """A clip (1, 3, T, 1, 1) of one pixel with these values over time."""
    values = torch.tensor([[r, green, blue] for r in red])
    return values.T[None, :, :, None, None]


def test_hand_computed():
    preprocessor = MotionDataPreprocessor(center=20.0, scale=10.0, gain=2.0)

    motion = preprocessor.motion(clip_of([50.0, 50.0, 90.0, 50.0, 60.0], green=10.0))

    warmth, foreground, change = motion[0, :, :, 0, 0]
    torch.testing.assert_close(warmth, torch.tensor([4.0, 4.0, 12.0, 4.0, 6.0]))
    torch.testing.assert_close(foreground, torch.tensor([0.0, 0.0, 8.0, 0.0, 2.0]))
    torch.testing.assert_close(change, torch.tensor([0.0, 0.0, 8.0, -8.0, 2.0]))


def test_what_stands_still_is_no_motion():
    frame = torch.randint(0, 256, (1, 3, 1, 6, 8), dtype=torch.uint8)

    motion = MotionDataPreprocessor().motion(frame.expand(-1, -1, 8, -1, -1))

    assert motion.dtype == torch.float32
    assert not motion[:, 1:].any()


def test_batch_is_each_clip_on_its_own():
    preprocessor = MODELS.build(dict(type='MotionDataPreprocessor'))
    clips = [torch.randint(0, 256, (1, 3, 4, 6, 8), dtype=torch.uint8) for _ in range(3)]
    samples = [ActionDataSample() for _ in clips]

    batch = preprocessor(dict(inputs=clips, data_samples=samples))['inputs']

    assert batch.shape == (3, 1, 3, 4, 6, 8)
    torch.testing.assert_close(batch, torch.stack([preprocessor.motion(clip) for clip in clips]))


@pytest.mark.parametrize(
    ('wrong', 'message'), [(dict(format_shape='NCHW'), 'NCTHW'), (dict(scale=0.0), 'positive')]
)
def test_wrong_arguments_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        MotionDataPreprocessor(**wrong)
