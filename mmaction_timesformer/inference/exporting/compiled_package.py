"""Writing packages of compiled code (AOTInductor), and what they say about themselves."""

from __future__ import annotations

import os
import shutil
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch.export import ExportedProgram

from mmaction_timesformer.inference.exporting.metadata import KEY
from video_clips.plain_data import parse_json

MAX_METADATA_BYTES = 2**20


def write_package(program: ExportedProgram, file: Path, strings: Mapping[str, str]) -> None:
    """Compile a traced classifier for this machine.

    Args:
        program: What to compile.
        file: To write; its name ends in ``.pt2``.
        strings: Metadata.

    Raises:
        RuntimeError: There is no C++ compiler, or torch is too old.
    """
    compiler = os.environ.get('CXX', 'g++')
    if shutil.which(compiler) is None and shutil.which('clang++') is None:
        raise RuntimeError(
            f'{file}: compiling needs a C++ compiler, and neither {compiler} nor clang++ is here: '
            'install g++, or export to .onnx, which needs none'
        )
    inductor = torch._inductor
    if not hasattr(inductor, 'aoti_compile_and_package'):
        raise RuntimeError(
            f'{file}: torch {torch.__version__} writes no packages; 2.6 and later do'
        )
    inductor.aoti_compile_and_package(
        program,
        package_path=str(file),
        inductor_configs={'aot_inductor.metadata': dict(strings)},
    )


def read_strings(file: Path) -> dict[str, str]:
    """A package's metadata, read without running anything of it.

    Raises:
        ValueError: The file is no package.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                if name.endswith('metadata.json'):
                    if archive.getinfo(name).file_size > MAX_METADATA_BYTES:
                        raise ValueError(f'{name} is over {MAX_METADATA_BYTES:,} bytes')
                    strings = parse_json(archive.read(name))
                    if isinstance(strings, dict) and isinstance(strings.get(KEY), str):
                        return strings
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError):
        raise ValueError(f'{file} is no compiled package, or is damaged') from None
    except ValueError as error:
        raise ValueError(f'{file}: its metadata cannot be read: {error}') from None
    return {}
