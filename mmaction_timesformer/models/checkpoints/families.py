"""Public weights, as data: where they are and what they need.

The accuracies are those their publishers report. Nothing could be downloaded where this table was
made: the formats are tested with models of the same classes and random weights, the files are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from .preprocessing import HALF, IMAGENET, TIMESFORMER, Preprocessing

_DROPBOX = 'https://www.dropbox.com/s'
_OPENMMLAB = 'https://download.openmmlab.com'
_HUGGINGFACE = 'https://huggingface.co'
_NON_COMMERCIAL = 'CC-BY-NC-4.0'
_APACHE = 'Apache-2.0'


@dataclass(frozen=True)
class PublicWeights:
    """A published file of weights.

    Args:
        name: Short name.
        family: Format of the file.
        scheme: Attention scheme; ``image`` for image ViTs.
        num_frames: Frames of a clip.
        frame_interval: Frames from one to the next; 0 where they are spread over the whole video.
        img_size: Pixels of a side.
        dataset: What the accuracy was measured on, or else what it was trained on.
        url: Where the file is.
        preprocessing: What the weights expect.
        top1: Reported top-1 accuracy in percent.
        license: Terms of the weights.
        sha256: Beginning of the file's hash, where the publisher gives it.
        checked: Whether this project has loaded the file itself and measured its accuracy.
    """

    name: str
    family: str
    scheme: str
    num_frames: int
    frame_interval: int
    img_size: int
    dataset: str
    url: str
    preprocessing: Preprocessing
    top1: float | None = None
    license: str = _APACHE
    sha256: str = ''
    checked: bool = False

    @property
    def file_name(self) -> str:
        """The last part of the address."""
        return Path(urlsplit(self.url).path).name


def _facebookresearch(
    frames: int, interval: int, size: int, dataset: str, top1: float, address: str
) -> PublicWeights:
    file_name = address.rpartition('/')[2]
    return PublicWeights(
        name=Path(file_name).stem,
        family='facebookresearch',
        scheme='divided_space_time',
        num_frames=frames,
        frame_interval=interval,
        img_size=size,
        dataset=dataset,
        url=f'{_DROPBOX}/{address}?dl=1',
        preprocessing=TIMESFORMER,
        top1=top1,
        license=_NON_COMMERCIAL,
    )


def _mmaction2(scheme: str, short: str, top1: float, stamp: str) -> PublicWeights:
    name = f'timesformer_{short}_8xb8-8x32x1-15e_kinetics400-rgb'
    return PublicWeights(
        name=name,
        family='mmaction2',
        scheme=scheme,
        num_frames=8,
        frame_interval=32,
        img_size=224,
        dataset='Kinetics-400',
        url=f'{_OPENMMLAB}/mmaction/v1.0/recognition/timesformer/{name}/{name}_{stamp}.pth',
        preprocessing=HALF,
        top1=top1,
        sha256=stamp.partition('-')[2],
    )


def _huggingface(
    frames: int, interval: int, size: int, dataset: str, top1: float, repository: str
) -> PublicWeights:
    return PublicWeights(
        name=repository,
        family='huggingface',
        scheme='divided_space_time',
        num_frames=frames,
        frame_interval=interval,
        img_size=size,
        dataset=dataset,
        url=f'{_HUGGINGFACE}/{repository}/resolve/main/pytorch_model.bin',
        preprocessing=TIMESFORMER,
        top1=top1,
        license=_NON_COMMERCIAL,
    )


def _image(
    family: str,
    name: str,
    size: int,
    dataset: str,
    url: str,
    preprocessing: Preprocessing = HALF,
    top1: float | None = None,
    sha256: str = '',
) -> PublicWeights:
    return PublicWeights(
        name, family, 'image', 1, 0, size, dataset, url, preprocessing, top1, sha256=sha256
    )


def _timm(name: str) -> PublicWeights:
    url = f'{_HUGGINGFACE}/timm/{name}/resolve/main/model.safetensors'
    return _image('timm ViT', f'timm/{name}', 224, 'ImageNet-21k', url)


_K400, _K600, _SSV2 = 'Kinetics-400', 'Kinetics-600', 'Something-Something V2'
_DIV = 'TimeSformer_divST'

PUBLIC_WEIGHTS: tuple[PublicWeights, ...] = (
    _facebookresearch(8, 32, 224, _K400, 77.9, f'g5t24we9gl5yk88/{_DIV}_8x32_224_K400.pyth'),
    _facebookresearch(16, 16, 448, _K400, 79.6, f'6f0x172lpqy3oxt/{_DIV}_16x16_448_K400.pyth'),
    _facebookresearch(96, 4, 224, _K400, 80.6, f'r1iuxahif3sgimo/{_DIV}_96x4_224_K400.pyth'),
    _facebookresearch(8, 32, 224, _K600, 79.1, f'4h2qt41m2z3aqrb/{_DIV}_8x32_224_K600.pyth'),
    _facebookresearch(16, 16, 448, _K600, 81.8, f'ft1e92g2vhvxecv/{_DIV}_16x16_448_K600.pyth'),
    _facebookresearch(96, 4, 224, _K600, 82.2, f'857rx6xeclxfhdg/{_DIV}_96x4_224_K600.pyth'),
    _facebookresearch(8, 0, 224, _SSV2, 59.1, f'tybhuml57y24wpm/{_DIV}_8_224_SSv2.pyth'),
    _facebookresearch(16, 0, 448, _SSV2, 61.8, f'9t68uzk8w2fpfnv/{_DIV}_16_448_SSv2.pyth'),
    _facebookresearch(64, 0, 224, _SSV2, 62.0, f'3f1rm2al8mhprwa/{_DIV}_64_224_SSv2.pyth'),
    _facebookresearch(
        8, 32, 224, 'HowTo100M', 56.8, f'9v8hcm88b9tc6ff/{_DIV}_8x32_224_HowTo100M.pyth'
    ),
    _facebookresearch(
        32, 32, 224, 'HowTo100M', 61.2, f'4roflx4q1gscu85/{_DIV}_32x32_224_HowTo100M.pyth'
    ),
    # Its publishers' table says 448, the name of the file and the paper 224.
    _facebookresearch(
        64, 32, 224, 'HowTo100M', 62.2, f'15bvqltl1j5vyp3/{_DIV}_64x32_224_HowTo100M.pyth'
    ),
    _facebookresearch(
        96, 32, 224, 'HowTo100M', 62.6, f't2mzgahnfhgakma/{_DIV}_96x32_224_HowTo100M.pyth'
    ),
    _mmaction2('divided_space_time', 'divST', 77.69, '20220815-a4d0d01f'),
    _mmaction2('joint_space_time', 'jointST', 76.95, '20220815-8022d1c0'),
    _mmaction2('space_only', 'spaceOnly', 76.93, '20220815-78f05367'),
    _huggingface(8, 32, 224, _K400, 77.9, 'facebook/timesformer-base-finetuned-k400'),
    _huggingface(8, 32, 224, _K600, 79.1, 'facebook/timesformer-base-finetuned-k600'),
    _huggingface(8, 0, 224, _SSV2, 59.1, 'facebook/timesformer-base-finetuned-ssv2'),
    _huggingface(16, 16, 448, _K400, 79.6, 'facebook/timesformer-hr-finetuned-k400'),
    _huggingface(16, 16, 448, _K600, 81.8, 'facebook/timesformer-hr-finetuned-k600'),
    _huggingface(16, 0, 448, _SSV2, 61.8, 'facebook/timesformer-hr-finetuned-ssv2'),
    _huggingface(96, 4, 224, _K400, 80.6, 'fcakyon/timesformer-large-finetuned-k400'),
    _huggingface(96, 4, 224, _K600, 82.2, 'fcakyon/timesformer-large-finetuned-k600'),
    _huggingface(64, 0, 224, _SSV2, 62.0, 'fcakyon/timesformer-large-finetuned-ssv2'),
    _image(
        'mmaction2',
        'vit_base_patch16_224',
        224,
        'ImageNet-21k',
        f'{_OPENMMLAB}/mmaction/recognition/timesformer/vit_base_patch16_224.pth',
    ),
    _timm('vit_tiny_patch16_224.augreg_in21k'),
    _timm('vit_small_patch16_224.augreg_in21k'),
    _timm('vit_base_patch16_224.augreg_in21k'),
    _timm('vit_large_patch16_224.augreg_in21k'),
    _image(
        'timm ViT',
        'deit_base_patch16_224',
        224,
        'ImageNet-1k',
        'https://dl.fbaipublicfiles.com/deit/deit_base_patch16_224-b5f2ef4d.pth',
        IMAGENET,
        81.8,
        'b5f2ef4d',
    ),
    _image(
        'huggingface ViT',
        'google/vit-base-patch16-224-in21k',
        224,
        'ImageNet-21k',
        f'{_HUGGINGFACE}/google/vit-base-patch16-224-in21k/resolve/main/pytorch_model.bin',
    ),
    _image(
        'openmmlab ViT',
        'vit-base-p16_in21k-pre_3rdparty_in1k-384px',
        384,
        'ImageNet-1k',
        f'{_OPENMMLAB}/mmclassification/v0/vit/finetune/'
        'vit-base-p16_in21k-pre-3rdparty_ft-64xb64_in1k-384_20210928-98e8652b.pth',
        HALF,
        85.43,
        '98e8652b',
    ),
    _image(
        'openmmlab ViT',
        'vit-large-p16_in21k-pre_3rdparty_in1k-384px',
        384,
        'ImageNet-1k',
        f'{_OPENMMLAB}/mmclassification/v0/vit/finetune/'
        'vit-large-p16_in21k-pre-3rdparty_ft-64xb64_in1k-384_20210928-b20ba619.pth',
        HALF,
        85.63,
        'b20ba619',
    ),
)


def find_public_weights(source: str) -> PublicWeights | None:
    """The entry of a file or URL: by its address, or by a file name that only one entry has."""
    address = source.partition('?')[0]
    for weights in PUBLIC_WEIGHTS:
        if address and weights.url.partition('?')[0] == address:
            return weights
    name = Path(address).name
    named = [weights for weights in PUBLIC_WEIGHTS if name and weights.file_name == name]
    return named[0] if len(named) == 1 else None


def markdown_table() -> str:
    """All public weights as a Markdown table."""
    header = (
        'Weights',
        'Format',
        'Scheme',
        'Clip',
        'Pixels',
        'Data set',
        'Mean / std',
        'Top-1',
        'License',
        'Checked here',
    )
    rows = [header, ('---',) * len(header)]
    rows += [_row(weights) for weights in PUBLIC_WEIGHTS]
    return '\n'.join(f'| {" | ".join(row)} |' for row in rows)


def _row(weights: PublicWeights) -> tuple[str, ...]:
    mean, std = weights.preprocessing.mean, weights.preprocessing.std
    clip = f'{weights.num_frames}x{weights.frame_interval}'
    if not weights.frame_interval:
        clip = 'image' if weights.scheme == 'image' else f'{weights.num_frames} spread'
    return (
        f'[{weights.name}]({weights.url})',
        weights.family,
        weights.scheme,
        clip,
        str(weights.img_size),
        weights.dataset,
        'ImageNet' if weights.preprocessing == IMAGENET else f'{mean[0]} / {std[0]}',
        '' if weights.top1 is None else str(weights.top1),
        weights.license,
        'yes' if weights.checked else 'no',
    )
