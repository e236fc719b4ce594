"""A dictionary of patches: what it compares, what it ignores, and what k-means learns."""

import numpy as np
import pytest
import torch

from mmaction_timesformer.models.backbones import PatchEncoder
from mmaction_timesformer.models.backbones.patch_encoder import whitening


def clips(number=2, frames=4, side=20) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(number, 3, frames, side, side, generator=generator) * 255


def test_maps_are_the_soft_threshold_of_distances():
    """One patch of one frame, worked out in NumPy."""
    encoder = PatchEncoder(5, patch_size=4, grid=(1, 1), seed=1)
    picture = clips(1, 1, 4)
    grey = np.tensordot([0.299, 0.587, 0.114], picture[0, :, 0].numpy().astype(float), 1).ravel()
    # A clip of one frame is its own background: nothing moves.
    normal = (grey - grey.mean()) / np.sqrt(grey.var() + 10)
    white = np.concatenate([normal @ whitening(4), np.zeros(15)])
    distance = np.linalg.norm(white - encoder.entries.numpy(), axis=1)
    expected = np.maximum(distance.mean() - distance, 0)
    np.testing.assert_allclose(encoder(picture)[0, 0, 0, 0], expected, atol=1e-4)


def test_light_and_contrast_change_little():
    encoder = PatchEncoder(16, grid=(2, 2))
    pictures = 60 + 0.5 * clips()
    seen, darker = encoder(pictures), encoder(0.7 * pictures + 20)
    assert (seen - darker).abs().max() < 0.05 * seen.max()


def test_still_clips_have_maps_without_motion():
    encoder = PatchEncoder(16, grid=(2, 2))
    still = clips(1, 1).expand(-1, -1, 4, -1, -1)
    maps = encoder(still)
    torch.testing.assert_close(maps[:, :1].expand_as(maps), maps)
    moving = PatchEncoder(16, grid=(2, 2), motion_gain=0.0)
    torch.testing.assert_close(moving(still), maps)
    assert not torch.allclose(moving(clips()), encoder(clips()))


def test_whitened_noise_of_pictures_is_white():
    """Noise whose amplitudes fall with the frequency, as those of pictures do."""
    rng = np.random.default_rng(0)
    rows, columns = np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256), indexing='ij')
    amplitude = 1 / np.maximum(np.hypot(rows, columns), 1 / 256)
    field = np.fft.ifft2(np.fft.fft2(rng.normal(size=(256, 256))) * amplitude).real
    patches = np.lib.stride_tricks.sliding_window_view(field, (6, 6))[::3, ::3].reshape(-1, 36)
    patches = patches - patches.mean(axis=1, keepdims=True)
    before = np.linalg.cond(np.cov((patches @ np.linalg.svd(np.ones((1, 36)))[2][1:].T).T))
    assert np.linalg.cond(np.cov((patches @ whitening(6)).T)) < before / 5


def test_learned_entries_are_nearer_to_patches():
    """K-means does at least what it is for; the same clips give the same dictionary."""
    learned, again, drawn = (PatchEncoder(8, grid=(2, 2)) for _ in range(3))
    given = clips(6)
    learned.learn(given.split(2))
    again.learn(given.split(2))
    torch.testing.assert_close(learned.entries, again.entries)
    frames = learned._channels(given).flatten(0, 1)
    white = learned._white(frames).flatten(0, 1)

    def nearest(encoder: PatchEncoder) -> float:
        return torch.cdist(white, encoder.entries).amin(dim=1).square().mean().item()

    assert nearest(learned) < 0.9 * nearest(drawn)


@pytest.mark.parametrize('name', ['basis', 'entries'])
def test_the_dictionary_is_in_the_checkpoint(name):
    assert name in PatchEncoder(4).state_dict()


def test_a_graph_takes_any_number_of_clips():
    encoder = PatchEncoder(num_entries=8).eval()
    two, three = (torch.rand(num, 3, 4, 36, 48) * 255 for num in (2, 3))
    program = torch.export.export(
        encoder, (two,), dynamic_shapes=({0: torch.export.Dim('clips', min=2, max=64)},)
    )
    torch.testing.assert_close(program.module()(three), encoder(three), rtol=1e-4, atol=1e-4)
