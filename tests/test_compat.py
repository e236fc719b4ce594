"""Each mend of the stack: in a fresh interpreter it helps, and without it the defect is there.

A defect that this environment lacks is staged: a package is hidden, a GPU is not seen.
"""

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType

import mmaction
import mmaction.utils.dependency as dependency
import numpy as np
import pytest
from mmaction.datasets.transforms import ColorJitter
from mmengine.model import MMDistributedDataParallel
from mmengine.visualization import LocalVisBackend
from torch import nn

from mmaction_timesformer import compat
from tests.fresh_interpreter import HIDE_PACKAGES, LOAD_COMPAT, run_with_and_without
from tests.warm_python import warm_python

SHIPPED_TOOLS = Path(mmaction.__file__).parent / '.mim' / 'tools'


def test_importlib_metadata_is_provided() -> None:
    mended, unmended = run_with_and_without(
        'provide_importlib_metadata',
        'import mmaction.utils; print(sys.modules["importlib_metadata"].__name__)',
        before=HIDE_PACKAGES.format(hidden={'importlib_metadata'}),
    )
    assert mended.stdout.strip() == 'importlib.metadata', mended.stderr
    assert "No module named 'importlib_metadata'" in unmended.stderr


def test_installed_importlib_metadata_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = ModuleType('importlib_metadata')
    monkeypatch.setitem(sys.modules, 'importlib_metadata', installed)
    compat.provide_importlib_metadata()
    assert sys.modules['importlib_metadata'] is installed


def test_models_are_imported_without_drn() -> None:
    code = """
from mmaction.models import DRN, TimeSformer
try:
    DRN()
except ImportError as error:
    print(error)
"""
    mended, unmended = run_with_and_without('provide_drn_localizer', code)
    assert 'install mmaction2 from its source' in mended.stdout, mended.stderr
    assert "No module named 'mmaction.models.localizers.drn'" in unmended.stderr


def test_existing_drn_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'models/localizers/drn').mkdir(parents=True)
    monkeypatch.setattr(compat, '_package_folder', lambda name: tmp_path)
    for name in ('mmaction.models.localizers.drn', 'mmaction.models.localizers.drn.drn'):
        monkeypatch.delitem(sys.modules, name, raising=False)
    compat.provide_drn_localizer()
    assert 'mmaction.models.localizers.drn' not in sys.modules


IMPORT_MODELS = """
import mmaction.models
from mmaction.registry import MODELS
try:
    MODELS.get('VindLUVQA')()
except ImportError as error:
    print(error)
"""


def test_models_are_imported_beside_transformers_without_timm() -> None:
    assert metadata.version('transformers')
    mended, unmended = run_with_and_without(
        'disable_unimportable_multimodal_models',
        IMPORT_MODELS,
        before=HIDE_PACKAGES.format(hidden={'timm'}),
    )
    assert 'requires extra multi-modal dependencies' in mended.stdout, mended.stderr
    assert "No module named 'timm'" in unmended.stderr


@pytest.mark.skipif(
    metadata.version('transformers').startswith('4.'), reason='transformers 4 has what VindLU needs'
)
def test_models_are_imported_beside_transformers_5(tmp_path: Path) -> None:
    """With timm present, stood in for by the one name that is taken from it."""
    layers = tmp_path / 'timm' / 'models' / 'layers.py'
    layers.parent.mkdir(parents=True)
    layers.write_text('class DropPath: pass\n')
    (tmp_path / 'timm' / '__init__.py').touch()
    mended, unmended = run_with_and_without(
        'disable_unimportable_multimodal_models',
        IMPORT_MODELS,
        before=f'import sys; sys.path.insert(0, {str(tmp_path)!r})\n',
    )
    assert 'requires extra multi-modal dependencies' in mended.stdout, mended.stderr
    assert "cannot import name 'apply_chunking_to_forward'" in unmended.stderr


def test_fitting_transformers_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'modeling_utils.py').write_text(
        'from .pytorch_utils import apply_chunking_to_forward, find_pruneable_heads_and_indices\n'
    )
    monkeypatch.setattr(dependency, 'WITH_MULTIMODAL', True)
    monkeypatch.setattr(compat, '_package_folder', lambda name: tmp_path)
    monkeypatch.setattr(compat, 'find_spec', lambda name: object())
    monkeypatch.delitem(sys.modules, 'mmaction.models.multimodal', raising=False)
    compat.disable_unimportable_multimodal_models()
    assert dependency.WITH_MULTIMODAL is True


DISTRIBUTE = """
import torch
from mmengine.dist import init_dist
from mmengine.model import BaseModel, MMDistributedDataParallel
class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
    def forward(self, inputs):
        return self.layer(inputs)
init_dist('pytorch', backend='nccl')
model = MMDistributedDataParallel(module=Model(), device_ids=[0])
print(torch.distributed.get_backend(), tuple(model(torch.ones(2, 1)).shape))
"""


def test_processes_without_gpu_are_distributed(unused_port: int) -> None:
    mended, unmended = run_with_and_without(
        'run_distributed_without_gpu',
        DISTRIBUTE,
        CUDA_VISIBLE_DEVICES='-1',
        RANK='0',
        LOCAL_RANK='0',
        WORLD_SIZE='1',
        MASTER_ADDR='127.0.0.1',
        MASTER_PORT=str(unused_port),
    )
    assert mended.stdout.strip() == 'gloo (2, 1)', mended.stderr
    assert 'set_device' in unmended.stderr


def test_processes_with_gpu_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compat, 'get_device', lambda: 'cuda')
    monkeypatch.setattr(MMDistributedDataParallel, '__init__', nn.Module.__init__)
    compat.run_distributed_without_gpu()
    assert MMDistributedDataParallel.__init__ is nn.Module.__init__


@pytest.mark.parametrize('ending', ['pass', 'raise RuntimeError("failed")'])
def test_a_process_leaves_its_group_unless_it_fails(ending: str) -> None:
    """Alone in its group a process never aborts; what is seen here is that it leaves."""
    code = f"""
from torch import distributed as dist
dist.init_process_group('gloo', store=dist.HashStore(), rank=0, world_size=1)
leave = dist.destroy_process_group
dist.destroy_process_group = lambda: (leave(), print('left'))
{ending}
"""
    mended, unmended = run_with_and_without('leave_process_group_at_exit', code)
    assert mended.stdout == ('left\n' if ending == 'pass' else ''), mended.stderr
    assert unmended.stdout == ''
    assert ('RuntimeError: failed' in mended.stderr) == (ending != 'pass')


def test_logs_are_read_by_analyze_logs(tmp_path: Path) -> None:
    code = f"""
from mmengine.visualization import LocalVisBackend
backend = LocalVisBackend({str(tmp_path)!r})
name = 'mended.json' if hasattr(LocalVisBackend.add_scalars, 'writes_mode') else 'unmended.json'
for epoch in (1, 2):
    for step in (1, 2, 3):
        line = dict(loss=1 / step, epoch=epoch, iter=step, time=0.1)
        backend.add_scalars(line, step=step, file_path=name)
backend.add_scalars({{'acc': 0.5}}, step=6, file_path=name)
"""
    run_with_and_without('write_mode_into_logs', code)
    tool = str(SHIPPED_TOOLS / 'analysis_tools' / 'analyze_logs.py')
    plots = {}
    for name in ('mended', 'unmended'):
        picture = tmp_path / f'{name}.png'
        arguments = ['plot_curve', str(tmp_path / f'{name}.json'), '--keys', 'loss']
        plots[name] = subprocess.run(
            [warm_python(), tool, *arguments, '--out', str(picture)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert plots['mended'].returncode == 0, plots['mended'].stderr
    assert (tmp_path / 'mended.png').stat().st_size > 0
    assert 'IndexError' in plots['unmended'].stderr


def test_mending_alone_imports_no_models() -> None:
    """Mmengine imports the top of ``transformers`` by itself, which loads no model."""
    code = (
        LOAD_COMPAT
        + """
compat.apply()
heavy = {'mmaction.models', 'mmaction.datasets', 'timm', 'transformers.modeling_utils'}
print(*heavy & set(sys.modules))
"""
    )
    run = subprocess.run([warm_python(), '-c', code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ''


def test_importing_leaves_the_process_as_it_is() -> None:
    """Threads and warnings are the affair of the program; `run_command` sets them for commands."""
    code = """
import os, sys, warnings
sys.argv[0] = 'theirs.py'
os.environ.pop('OMP_WAIT_POLICY', None)
before = list(warnings.filters)
import mmaction_timesformer
print(os.environ.get('OMP_WAIT_POLICY'), warnings.filters == before)
"""
    run = subprocess.run([warm_python(), '-c', code], capture_output=True, text=True, check=True)
    assert (run.stdout.strip(), run.stderr) == ('None True', '')


def test_mending_twice_changes_nothing() -> None:
    before = (LocalVisBackend.add_scalars, MMDistributedDataParallel.__init__)
    compat.apply()
    assert (LocalVisBackend.add_scalars, MMDistributedDataParallel.__init__) == before


def test_mlflow_pictures_have_a_type() -> None:
    code = """
import sys, types
sys.modules['mlflow'] = mlflow = types.ModuleType('mlflow')
mlflow.log_image = lambda image, artifact_file: print(artifact_file)
from mmengine.visualization import MLflowVisBackend
backend = MLflowVisBackend('.')
backend._env_initialized, backend._mlflow = True, mlflow
backend.add_image('clip', None, step=3)
"""
    mended, unmended = run_with_and_without('give_mlflow_pictures_a_type', code)
    assert mended.stdout.strip() == 'clip_3.png', mended.stderr
    assert unmended.stdout.strip() == 'clip', unmended.stderr


def test_a_config_is_laid_out_once() -> None:
    code = """
from mmengine.config import Config
from yapf.yapflib.yapf_api import pytree_utils
parse, parsed = pytree_utils.ParseCodeToTree, []
pytree_utils.ParseCodeToTree = lambda text: parsed.append(text) or parse(text)
config = Config(dict(size=1))
print(config.pretty_text + config.pretty_text)
config.size = 3
print(config.pretty_text, len(parsed))
"""
    mended, unmended = run_with_and_without('format_configs_once', code)
    shown = 'size = 1\nsize = 1\n\nsize = 3\n'
    assert mended.stdout == f'{shown} 2\n', mended.stderr
    assert unmended.stdout == f'{shown} 3\n', unmended.stderr


TURN_HUES = """
import colorsys
import numpy as np
from mmaction.datasets.transforms import ColorJitter
compat.turn_hue_both_ways()
for colour in ([255, 0, 0], [255, 0, 20], [40, 200, 90]):
    hue, saturation, value = colorsys.rgb_to_hsv(*colour)
    for factor in (-0.5, -0.1, 0.1, 0.5):
        turned = ColorJitter.adjust_hue(np.array([[colour]], np.float32), factor)[0, 0]
        wanted = (hue + int(factor * 255) / 180) % 1
        distance = abs(colorsys.rgb_to_hsv(*turned.tolist())[0] - wanted)
        assert min(distance, 1 - distance) < 0.01, (colour, factor, turned)
jitter = ColorJitter(hue=0.5)
clip = [np.full((4, 4, 3), 128, np.uint8)]
for seed in range(10):
    np.random.seed(seed)
    jitter.transform(dict(imgs=clip))
print('turned')
"""


def test_hues_turn_both_ways() -> None:
    """By the standard library's own idea of a hue."""
    mended, unmended = run_with_and_without('turn_hue_both_ways', TURN_HUES)
    assert mended.stdout.strip() == 'turned', mended.stderr
    assert 'OverflowError' in unmended.stderr


def test_the_package_turns_hues_both_ways() -> None:
    """Importing it is enough, and a ColorJitter that works is left alone."""
    turned = ColorJitter.adjust_hue(np.array([[[255, 0, 0]]], np.float32), -0.1)
    assert turned[0, 0, 2] > turned[0, 0, 1]
    mended = ColorJitter.adjust_hue
    compat.turn_hue_both_ways()
    assert ColorJitter.adjust_hue is mended
