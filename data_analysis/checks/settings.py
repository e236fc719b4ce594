"""Values that the checks compare with."""

from __future__ import annotations

from dataclasses import dataclass, field

from data_analysis.inputs.sampler import SamplerSettings


@dataclass(frozen=True)
class CheckSettings:
    """Thresholds and surroundings of the checks.

    Attributes:
        classes: Class names in index order; empty where the set has no labels.
        sampler: The clip sampler that training will use.
        decoder: Reader that training will use (`pyav`, `decord`, `opencv`).
        seed: For the cross-validations.
        variable_rate_share: Share of uneven gaps from which a file counts as variable-rate.
        smallest_side: Pixels under which a picture counts as tiny.
        black_share: Share of black frames from which a clip counts as black.
        frozen_share: Share of repeated frames from which a clip counts as frozen.
        first_frame_distance: Thumbnail distance from which a first frame counts as odd.
        few_samples: Clips of a class in train under which it counts as small.
        few_test_samples: The same for every other split.
        imbalance_ratio: Largest over smallest class from which a set counts as imbalanced.
        near_identical_distance: Thumbnail distance under which two clips look the same.
        scene_distance: Thumbnail distance under which two clips show the same scene.
        twin_share: Share of a split's clips with a look-alike in train that sounds the alarm.
        nearest_neighbour_gain: Macro-F1 above guessing that sounds it, too.
        metadata_skill: Part of the way from chance to perfect from which metadata is a shortcut.
    """

    classes: tuple[str, ...] = ()
    sampler: SamplerSettings = field(default_factory=SamplerSettings)
    decoder: str = 'pyav'
    seed: int = 0
    variable_rate_share: float = 0.005
    smallest_side: int = 32
    black_share: float = 0.5
    frozen_share: float = 0.9
    first_frame_distance: float = 0.25
    few_samples: int = 20
    few_test_samples: int = 10
    imbalance_ratio: float = 3.0
    near_identical_distance: float = 0.06
    scene_distance: float = 0.3
    twin_share: float = 1 / 3
    nearest_neighbour_gain: float = 0.15
    metadata_skill: float = 0.25
