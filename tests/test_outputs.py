"""Commands that work long find out first that they cannot write, before they read anything."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mmaction_timesformer.detection.online_training_command import (
    BackboneArguments,
    HeadArguments,
    train_backbone_command,
    train_head_command,
)
from mmaction_timesformer.inference.exporting.export import export
from mmaction_timesformer.reports.embeddings.page import visualize_embeddings
from mmaction_timesformer.reports.results.analysis import analyze_runs

STREAM = 'configs/online/causal-demo_gru_railway-yard-demo-rgb.py'
COMMANDS: dict[str, Callable[[str, Path], object]] = {
    'backbone': lambda config, out: train_backbone_command(
        BackboneArguments(config, 'none', 'none', str(out))
    ),
    'head': lambda config, out: train_head_command(
        HeadArguments(config, 'none', 'none', 'none', str(out))
    ),
    'export': lambda config, out: export(config, 'none', out.with_suffix('.onnx')),
    'results': lambda config, out: analyze_runs([('none', 'none')], out),
    'embeddings': lambda config, out: visualize_embeddings(config, 'none', out),
}


@pytest.mark.parametrize('name', COMMANDS)
def test_an_output_below_a_file_is_refused_first(name: str, tmp_path: Path, root: Path) -> None:
    (tmp_path / 'file').touch()
    with pytest.raises(NotADirectoryError) as refused:
        COMMANDS[name](str(root / STREAM), tmp_path / 'file' / 'a' / 'out')
    assert str(refused.value.filename).startswith(str(tmp_path / 'file' / 'a'))
    assert [path.name for path in tmp_path.iterdir()] == ['file']
