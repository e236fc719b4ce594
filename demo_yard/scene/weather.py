"""Light and weather of a recording: what the sun, the lamps and the air do to the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo_yard.scene.arrays import Color, FloatArray

KINDS = {
    'clear': 0.27,
    'overcast': 0.22,
    'rain': 0.14,
    'snow': 0.1,
    'fog': 0.1,
    'dusk': 0.07,
    'night': 0.1,
}
"""Share of recordings in each kind of weather."""


@dataclass(frozen=True)
class Light:
    """Light on the solids.

    Args:
        sun_direction: Unit vector towards the sun (or the brightest lamp), (3,).
        ambient: Light from the sky per colour channel, (3,).
        diffuse: Light from the sun per colour channel, (3,).
        shadow: How much of the ground's light a shadow takes, 0..1.
        shadow_blur: Width of a shadow's soft edge, pixels, odd.
    """

    sun_direction: FloatArray
    ambient: FloatArray
    diffuse: FloatArray
    shadow: float
    shadow_blur: int


@dataclass(frozen=True)
class Weather:
    """The weather of a recording.

    Args:
        kind: A key of `KINDS`.
        light: What illuminates the solids.
        fog_color: Colour that distance fades into, (3,).
        fog_per_metre: How fast it does.
        drops: Rain streaks or snow flakes in a picture.
        snow_cover: Share of the ground under snow, 0..1.
        wetness: How dark and glossy the ground is, 0..1.
        lamps: Whether the yard's lamps burn.
        noise: Sensor noise, standard deviation in grey levels.
        hour: Hour of the day at which the recording starts.
    """

    kind: str
    light: Light
    fog_color: FloatArray
    fog_per_metre: float
    drops: float
    snow_cover: float
    wetness: float
    lamps: bool
    noise: float
    hour: float

    def haze(self, depth: FloatArray) -> FloatArray:
        """Share of `fog_color` in what is seen at `depth` metres."""
        return 1 - np.exp(-self.fog_per_metre * np.maximum(depth - 8.0, 0.0))


def _towards(azimuth_degrees: float, elevation_degrees: float) -> FloatArray:
    azimuth, elevation = np.radians([azimuth_degrees, elevation_degrees])
    flat = np.cos(elevation)
    return np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)])


def _light(
    rng: np.random.Generator, kind: str, tint: Color, strength: tuple[float, float]
) -> Light:
    """A light of colour `tint`; `strength` is that of the sky and of the sun."""
    low_sun = kind == 'dusk'
    elevation = rng.uniform(22, 30) if low_sun else rng.uniform(38, 68)
    # From behind the camera or from the side: faces towards the viewer are never all dark.
    direction = _towards(rng.uniform(170, 370), elevation)
    hard = kind in ('clear', 'dusk')
    gain = rng.uniform(0.92, 1.08)
    sky, sun = strength
    color = np.array(tint)
    return Light(
        sun_direction=direction,
        ambient=gain * sky * (1.0 + (color[::-1] - 1.0) * 0.5 if hard else color),
        diffuse=gain * sun * color,
        shadow={'clear': 0.5, 'dusk': 0.45, 'night': 0.35}.get(kind, 0.2),
        shadow_blur=3 if hard else 7,
    )


def sample_weather(rng: np.random.Generator, kind: str | None = None) -> Weather:
    """Draw the weather of a recording.

    Args:
        rng: Source of chance.
        kind: A key of `KINDS`; drawn by its share when absent.

    Raises:
        ValueError: When `kind` is not one of `KINDS`.
    """
    if kind is None:
        kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    if kind not in KINDS:
        raise ValueError(f'unknown weather {kind!r}: choose one of {", ".join(KINDS)}')
    tint, strength = {
        'clear': ((1.06, 1.0, 0.9), (0.66, 0.62)),
        'overcast': ((0.97, 1.0, 1.03), (0.75, 0.2)),
        'rain': ((0.92, 0.98, 1.04), (0.62, 0.16)),
        'snow': ((0.98, 1.0, 1.04), (0.82, 0.2)),
        'fog': ((1.0, 1.0, 1.0), (0.76, 0.14)),
        'dusk': ((1.2, 0.93, 0.72), (0.52, 0.66)),
        'night': ((0.86, 0.94, 1.2), (0.62, 0.3)),
    }[kind]
    fog_color = {
        'clear': (186, 206, 226),
        'overcast': (184, 190, 196),
        'rain': (146, 154, 162),
        'snow': (212, 217, 224),
        'fog': (190, 194, 198),
        'dusk': (224, 176, 142),
        'night': (20, 25, 42),
    }[kind]
    fog_per_metre = {'fog': rng.uniform(0.025, 0.05), 'rain': 0.012, 'snow': 0.014}.get(kind, 0.005)
    drops = {'rain': rng.uniform(30, 70), 'snow': rng.uniform(40, 100)}.get(kind, 0.0)
    hour = {'dusk': rng.uniform(17.5, 19.5), 'night': rng.uniform(20, 28) % 24}
    return Weather(
        kind=kind,
        light=_light(rng, kind, tint, strength),
        fog_color=np.array(fog_color, float),
        fog_per_metre=fog_per_metre,
        drops=drops,
        snow_cover=rng.uniform(0.45, 0.9) if kind == 'snow' else 0.0,
        wetness=rng.uniform(0.5, 1.0) if kind == 'rain' else 0.0,
        lamps=kind == 'night',
        noise=rng.uniform(3.0, 5.0) if kind == 'night' else rng.uniform(1.0, 3.0),
        hour=hour.get(kind, rng.uniform(7.5, 16.5)),
    )
