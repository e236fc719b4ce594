"""Fine-tuning from foreign weights takes one word on the command line."""

from pathlib import Path

import torch

from tests.models.checkpoints.peers import Size, vit_model
from tests.tools.programs import finish, log_lines, start, weights_of

# Twice the image size of the config's model.
VIT = Size(img_size=64, patch_size=16, embed_dims=32, num_heads=2, num_layers=2)


def test_training_starts_from_an_image_vit(root: Path, tiny_config: Path, tmp_path: Path) -> None:
    """A directory of Hugging Face, ``load_from`` alone; frozen, so that its weights can be seen."""
    vit = vit_model(VIT)
    vit.save_pretrained(tmp_path / 'vit')
    work_dir = tmp_path / 'run'
    options = [
        f'load_from={tmp_path / "vit"}',
        'model.backbone.frozen_stages=2',
        'train_cfg.max_epochs=1',
    ]
    train = root / 'tools' / 'train.py'
    command = (train, tiny_config, '--work-dir', work_dir, '--cfg-options', *options)
    output = finish(start(*command, PYTHONPATH=str(root)))

    assert f'{tmp_path / "vit"} (huggingface ViT): ' in output
    assert 'backbone.pos_embed 4x4 -> 2x2' in output
    assert '12 copied (blocks.*.steps.time from space)' in output
    assert [line['epoch'] for line in log_lines(work_dir)] == [1, 1, 1]
    trained = weights_of(work_dir / 'epoch_1.pth')
    theirs = vit.state_dict()
    assert torch.equal(trained['backbone.cls_token'], theirs['embeddings.cls_token'])
    kernel = theirs['embeddings.patch_embeddings.projection.weight']
    assert torch.equal(trained['backbone.patch_embed.projection.weight'], kernel)
    assert not trained['backbone.blocks.1.steps.time.fc.weight'].any()
    assert not torch.equal(trained['backbone.norm.weight'], theirs['layernorm.weight'])
