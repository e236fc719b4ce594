"""The ground under each pixel: gravel, ballast, sleepers, ruts, puddles, snow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from demo_yard.scene.arrays import Color
from demo_yard.scene.weather import Weather
from demo_yard.scene.yard import GAUGE_METRES, Yard

Field = NDArray[np.floating[Any]]

TILE_METRES = 64.0
"""Noise repeats, mirrored, after this distance; haze and buildings hide it."""

SURFACES: dict[str, tuple[Color, Color]] = {
    'gravel': ((142, 136, 126), (118, 110, 100)),
    'dirt': ((136, 114, 88), (112, 92, 70)),
    'asphalt': ((102, 103, 106), (84, 85, 88)),
    'concrete': ((160, 157, 150), (138, 135, 128)),
    'grass': ((112, 122, 78), (134, 118, 88)),
}
"""Main and second colour of what covers the yard."""


@dataclass(frozen=True)
class GroundView:
    """Which ground each pixel of a picture shows.

    Args:
        points: Stage position (H, W, 2), metres.
        footprint: Width of the ground that one pixel covers (H, W), metres.
    """

    points: Field
    footprint: Field

    def noise(self, rng: np.random.Generator, blob_metres: float, octaves: int = 3) -> Field:
        """Smooth noise (H, W) in 0..1 that lies on the ground in blobs of `blob_metres`."""
        cells = int(np.clip(4 * TILE_METRES / blob_metres, 16, 640))
        tile = noise_field(
            rng, (cells, cells), max(blob_metres * cells / TILE_METRES, 1.0), octaves
        )
        where = (self.points + np.float32(TILE_METRES / 2)) * np.float32(cells / TILE_METRES)
        return cv2.remap(
            tile, where[..., 0], where[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )


def noise_field(
    rng: np.random.Generator, shape: tuple[int, int], cell_pixels: float, octaves: int = 3
) -> Field:
    """Smooth noise in 0..1 whose blobs are `cell_pixels` wide, with finer octaves on top."""
    total = np.zeros(shape, np.float32)
    weight = 1.0
    for octave in range(octaves):
        cell = max(cell_pixels / 2**octave, 1.0)
        rows, columns = (int(np.ceil(size / cell)) + 2 for size in shape)
        grid = rng.random((rows, columns), dtype=np.float32)
        total += weight * cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_CUBIC)
        weight *= 0.5
    low, high = float(total.min()), float(total.max())
    return (total - low) / max(high - low, 1e-6)


def _blend(colors: Field, over: Color | Field, share: Field) -> None:
    """Cover `colors` by `over` where `share` (rows, columns) is 1, in place."""
    colors += (np.asarray(over, np.float32) - colors) * share[..., None]


def _edge(distance: Field, ramp_metres: Field | float) -> Field:
    """1 inside, 0 outside, with a ramp; `distance` is metres inside the edge."""
    return np.clip(distance / ramp_metres + 0.5, 0.0, 1.0)


def ground_colors(view: GroundView, yard: Yard, weather: Weather) -> Field:
    """The unlit colour of the ground under each pixel, (H, W, 3).

    Args:
        view: What each pixel shows.
        yard: Where the tracks lie.
        weather: Puddles and snow.
    """
    rng = np.random.default_rng([yard.seed, 2])
    along = view.points @ yard.along.astype(np.float32)
    across = view.points @ yard.across.astype(np.float32)
    main, second = SURFACES[list(SURFACES)[rng.integers(len(SURFACES))]]
    blobs = view.noise(rng, 6.0)
    # Grain finer than a pixel averages out.
    grain = (view.noise(rng, 0.1, octaves=1) - 0.5) * np.clip(0.12 / view.footprint, 0, 1)
    colors = np.empty((*along.shape, 3), np.float32)
    colors[:] = main
    _blend(colors, second, np.clip(blobs * 3 - 1.2, 0, 1))
    colors *= (0.9 + 0.2 * view.noise(rng, 1.5) + 0.22 * grain)[..., None]
    _wheel_ruts(rng, colors, across, yard)
    for offset in yard.track_offsets:
        pixels = _Pixels(along, across - np.float32(offset), grain, blobs, view.footprint)
        _track(rng, colors, pixels)
    _weathered(colors, weather, blobs, view.noise(rng, 2.2))
    return colors


@dataclass(frozen=True)
class _Pixels:
    """The ground under each pixel, beside one track."""

    along: Field
    """Metres along the track."""
    across: Field
    """Metres from the track's middle."""
    grain: Field
    blobs: Field
    footprint: Field
    """Metres that a pixel covers."""


def _track(rng: np.random.Generator, colors: Field, pixels: _Pixels) -> None:
    """Ballast, sleepers and the rails' feet of one track."""
    distance, blobs, footprint = np.abs(pixels.across), pixels.blobs, pixels.footprint
    stone: Color = ((126, 116, 106), (112, 108, 106), (140, 122, 102))[rng.integers(3)]
    ballast = _edge(1.75 + 0.5 * (blobs - 0.5) - distance, np.maximum(footprint, np.float32(0.2)))
    stones = np.asarray(stone, np.float32) * (1 + 0.6 * pixels.grain[..., None])
    _blend(colors, stones, 0.92 * ballast)
    timber: Color = ((92, 74, 60), (150, 146, 138))[rng.integers(2)]
    phase = np.abs((pixels.along / 0.75) % 1.0 - 0.5) * 0.75
    # Sleepers closer than pixels merge into their average.
    apart = np.clip(0.75 / footprint - 1.0, 0, 1)
    sleepers = apart * _edge(0.15 - phase, footprint) + (1 - apart) * 0.4
    _blend(colors, timber, 0.9 * sleepers * _edge(1.25 - distance, footprint))
    rail = _edge(0.09 - np.abs(distance - GAUGE_METRES / 2), footprint)
    _blend(colors, (92, 76, 66), 0.8 * rail)


def _wheel_ruts(rng: np.random.Generator, colors: Field, across: Field, yard: Yard) -> None:
    """Darker lanes where vehicles drive, in front of the first track."""
    for _ in range(2):
        lane = yard.track_offsets[0] - rng.uniform(3.5, 9.0)
        for side in (-1.0, 1.0):
            rut = _edge(0.22 - np.abs(across - np.float32(lane + side)), 0.2)
            _blend(colors, (92, 84, 76), 0.28 * rut)


def _weathered(colors: Field, weather: Weather, blobs: Field, spots: Field) -> None:
    """Puddles that mirror the sky, or snow that leaves dark patches."""
    if weather.wetness:
        colors *= np.float32(1 - 0.22 * weather.wetness)
        puddles = np.clip((spots * 0.6 + blobs * 0.4 - 0.6) * 9, 0, 1)
        _blend(colors, np.asarray(weather.fog_color * 0.9, np.float32), 0.6 * puddles)
    if weather.snow_cover:
        bare = spots * 0.5 + blobs * 0.5
        _blend(colors, (224, 229, 236), np.clip((weather.snow_cover + 0.08 - bare) * 4, 0, 0.92))
