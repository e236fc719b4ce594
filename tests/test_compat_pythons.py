"""Names that newer Pythons, numpys and setuptools took from the stack, each given back.

An absence that this interpreter does not have is staged: the name is deleted, the module hidden.
"""

import pkgutil
import re

import pytest

from mmaction_timesformer import compat
from tests.fresh_interpreter import HIDE_PACKAGES, run_with_and_without

# Setuptools' own finder of its copy of distutils.
HIDE_DISTUTILS = (
    HIDE_PACKAGES.format(hidden={'distutils'})
    + "sys.meta_path[:] = [f for f in sys.meta_path if 'istutils' not in type(f).__name__]\n"
    # torch of some versions has imported Python's own.
    + "for name in [n for n in sys.modules if n.partition('.')[0] == 'distutils']:\n"
    + '    del sys.modules[name]\n'
)


def test_packages_are_found_without_pkg_resources() -> None:
    code = """
from mmengine.utils import get_installed_path, is_installed
from mmengine.utils.package_utils import package2module
print(is_installed('numpy'), is_installed('absent_package'), package2module('mmengine'))
import numpy, os
assert os.path.samefile(get_installed_path('numpy'), os.path.dirname(numpy.__file__))
"""
    mended, unmended = run_with_and_without(
        'provide_pkg_resources', code, before=HIDE_PACKAGES.format(hidden={'pkg_resources'})
    )
    assert mended.stdout.strip() == 'True False mmengine', mended.stderr
    assert "No module named 'pkg_resources'" in unmended.stderr


def test_environments_are_described_without_distutils() -> None:
    code = """
from mmengine.utils.dl_utils import collect_env
print('GCC' in collect_env())
"""
    mended, unmended = run_with_and_without('provide_distutils', code, before=HIDE_DISTUTILS)
    assert mended.stdout.strip() == 'True', mended.stderr
    assert "No module named 'distutils'" in unmended.stderr


def test_optimizers_are_built_without_find_loader() -> None:
    code = """
import torch
from mmengine.optim import build_optim_wrapper
optimizer = dict(type='SGD', lr=1.0, weight_decay=0.1)
wrapper = dict(optimizer=optimizer, paramwise_cfg=dict(norm_decay_mult=0.0))
print(type(build_optim_wrapper(torch.nn.Linear(2, 2), wrapper)).__name__)
"""
    mended, unmended = run_with_and_without(
        'provide_find_loader',
        code,
        before="import pkgutil; vars(pkgutil).pop('find_loader', None)\n",
    )
    assert mended.stdout.strip() == 'OptimWrapper', mended.stderr
    assert "has no attribute 'find_loader'" in unmended.stderr


def test_find_loader_finds_and_does_not_find(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(pkgutil, 'find_loader', raising=False)
    compat.provide_find_loader()
    assert pkgutil.find_loader('json.decoder').name == 'json.decoder'
    assert pkgutil.find_loader('mmengine.absent') is None


NUMPY_NAMES = """
import numpy as np
from mmaction.datasets.transforms import PoseCompact
from mmaction.evaluation import RetrievalRecall
from mmaction.evaluation.functional import average_recall_at_avg_proposals
from mmaction.evaluation.functional.ava_evaluation.metrics import compute_average_precision
found = {'v': np.array([[0.0, 1.0, 0.9], [2.0, 3.0, 0.8]])}
true = {'v': np.array([[0.0, 1.0]])}
points = np.array([[[[4.0, 4.0], [8.0, 12.0]]]])
for name, call in dict(
    Inf=lambda: PoseCompact(padding=0.0, threshold=0)(dict(img_shape=(20, 20), keypoint=points)),
    NAN=lambda: compute_average_precision(None, None),
    in1d=lambda: RetrievalRecall.calculate([[2, 1]], [[1]], topk=(1, 2), pred_indices=True,
                                           target_indices=True),
    trapz=lambda: average_recall_at_avg_proposals(true, found, 2)[-1],
).items():
    try:
        value = call()
        print(name, value['img_shape'] if name == 'Inf' else value)
    except AttributeError as error:
        print(error)
"""


def test_numpy_names_are_there() -> None:
    """Through the parts of mmaction2 that use them."""
    delete = "import numpy\nfor name in ('Inf', 'NAN', 'in1d', 'trapz'):\n" + (
        '    vars(numpy).pop(name, None)\n'
    )
    mended, unmended = run_with_and_without('provide_numpy_names', NUMPY_NAMES, before=delete)
    lines = mended.stdout.splitlines()
    # The box of the points; recall 0 at rank 1 and 100 at rank 2; the area of a recall of 0 up to
    # half of the proposals and 1 from there, in a hundred steps.
    assert lines[:2] == ['Inf (8, 4)', 'NAN nan'], mended.stdout + mended.stderr
    assert lines[2].replace('tensor', '').replace('.', '') == 'in1d [(0), (100)]'
    assert float(lines[3].removeprefix('trapz ')) == pytest.approx(50.5)
    for name in ('Inf', 'NAN', 'in1d', 'trapz'):
        assert re.search(f"`np.{name}`|has no attribute '{name}'", unmended.stdout), unmended.stdout
