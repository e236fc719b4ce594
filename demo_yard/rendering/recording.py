"""A recording: one camera over one yard in one weather, and the clips that come from it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache

import cv2
import numpy as np

from demo_yard.acting.stage import Stage
from demo_yard.scene.arrays import FloatArray, Image
from demo_yard.scene.backdrop import lamp_light, paint_backdrop
from demo_yard.scene.camera import shake_path
from demo_yard.scene.excavator import LIVERIES, Excavator
from demo_yard.scene.painter import draw_shadows, draw_solids
from demo_yard.scene.site import Site
from demo_yard.scene.solids import group
from demo_yard.scene.weather import sample_weather
from demo_yard.scene.worker import Worker

SUPERSAMPLING = 2
_NOISE_TILES = 8


class Recording:
    """Everything that the clips of one recording share.

    Args:
        seed: Of the whole set.
        index: Which recording of the set; recordings visit the sites in turn.
        size: Width and height of the pictures in pixels.
        num_sites: How many sites the set has.
        weather: A kind of weather; drawn when absent.
        site_seed: Of the sites; by default that of the set.
    """

    def __init__(
        self,
        seed: int,
        index: int,
        size: tuple[int, int],
        num_sites: int = 1,
        weather: str | None = None,
        site_seed: int | None = None,
    ) -> None:
        rng = np.random.default_rng([seed, index, 0])
        self.width, self.height = width, height = size
        seed_of_sites = seed if site_seed is None else site_seed
        chance_of_site = np.random.default_rng([seed_of_sites, index % num_sites, 1])
        site = Site.sample(chance_of_site, width * SUPERSAMPLING, height * SUPERSAMPLING)
        self.site = site.on_another_day(rng)
        self.weather = sample_weather(rng, weather)
        livery = LIVERIES[str(rng.choice(list(LIVERIES), p=[0.45, 0.25, 0.15, 0.15]))]
        self.excavator = Excavator(livery, site.cab_on_left)
        self.shake_pixels = float(rng.uniform(0.1, 0.5)) * width / 160
        gain = rng.uniform(0.88, 1.1) * rng.uniform(0.96, 1.04, 3)
        self.gain = gain.astype(np.float32)
        # Day 0 is the first of November: snow lies until March.
        days = int(rng.integers(0, 135 if self.weather.kind == 'snow' else 366))
        self.started = datetime(2023, 11, 1) + timedelta(days=days, hours=self.weather.hour)
        self._backdrop = paint_backdrop(self.site.yard, self.weather, self.site.camera)
        self._lamps = lamp_light(self.site.yard, self.weather, self.site.camera)
        noise = rng.normal(0, self.weather.noise, (_NOISE_TILES, height, width, 1))
        tint = rng.normal(0, self.weather.noise * 0.4, (_NOISE_TILES, height, width, 3))
        self._noise = (noise + tint).astype(np.int16)

    def frames(
        self,
        stage: Stage,
        num_frames: int,
        fps: float,
        rng: np.random.Generator,
        start_hours: float = 0.0,
        from_seconds: float = 0.0,
    ) -> Iterator[Image]:
        """Render what happens on `stage`.

        Args:
            stage: The actors with their timelines.
            num_frames: How many frames.
            fps: Frames a second.
            rng: Source of chance for clothes, shake, noise and drops.
            start_hours: When the stage's time begins, after the recording's start.
            from_seconds: The stage's time at the first frame.

        Yields:
            RGB pictures (H, W, 3).
        """
        crew = [(Worker.sample(rng), member.timeline) for member in stage.crew]
        shake = shake_path(rng, num_frames, fps, self.shake_pixels * SUPERSAMPLING)
        for index in range(num_frames):
            seconds = from_seconds + index / fps
            actors = group(
                self.excavator.solids(stage.excavator.pose(seconds)),
                *(worker.solids(timeline.pose(seconds)) for worker, timeline in crew),
            )
            picture = self._backdrop.copy()
            draw_shadows(picture, actors, self.site.camera, self.weather.light)
            draw_solids(picture, actors, self.site.camera, self.weather)
            if self._lamps is not None:
                factor, glow = self._lamps
                picture = cv2.add(cv2.multiply(picture, factor, scale=1 / 255), glow)
            picture = self._seen(picture, shake[index])
            self._precipitation(picture, rng, index)
            noise = np.roll(self._noise[rng.integers(_NOISE_TILES)], rng.integers(self.height), 0)
            lit = np.multiply(picture, self.gain, dtype=np.float32)
            lit += noise
            picture = np.clip(lit, 0, 255, out=lit).astype(np.uint8)
            moment = self.started + timedelta(hours=start_hours, seconds=seconds)
            self._stamp(picture, moment)
            yield picture

    def _seen(self, picture: Image, shake: FloatArray) -> Image:
        """Move the picture with the camera's mast, and average the supersampled pixels.

        Bilinear sampling between four pixels of a picture twice the size is their average.
        """
        dx, dy, turn = shake
        scale = SUPERSAMPLING / 1.02  # the zoom hides the border that the shake uncovers
        cos, sin = scale * np.cos(turn), scale * np.sin(turn)
        cx, cy = self.width / 2, self.height / 2
        half = (SUPERSAMPLING - 1) / 2
        to_supersampled = np.array(
            [
                [cos, -sin, SUPERSAMPLING * cx + half + dx - cos * cx + sin * cy],
                [sin, cos, SUPERSAMPLING * cy + half + dy - sin * cx - cos * cy],
            ]
        )
        return cv2.warpAffine(
            picture,
            to_supersampled,
            (self.width, self.height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT,
        )

    def _precipitation(self, picture: Image, rng: np.random.Generator, index: int) -> None:
        """Rain streaks or snow flakes in front of the lens, in place."""
        count = int(self.weather.drops)
        if not count:
            return
        drops = picture.copy()
        starts = rng.uniform((0, 0), (self.width, self.height), (count, 2)) * 16
        unit = self.width / 160
        snow = self.weather.kind == 'snow'
        length = np.array([0.4, 0.8]) if snow else np.array([0.8, 6.0])
        sizes = rng.uniform(0.5, 1.2, (count, 1))
        ends = starts + sizes * length * unit * 16
        color = (236, 240, 246) if snow else (198, 206, 214)
        thickness = max(int(unit * (0.9 if snow else 0.5)), 1)
        for start, end in zip(starts.astype(int).tolist(), ends.astype(int).tolist(), strict=True):
            cv2.line(drops, start, end, color, thickness, cv2.LINE_AA, 4)
        share = 0.8 if snow else 0.4
        cv2.addWeighted(drops, share, picture, 1 - share, 0, dst=picture)

    def _stamp(self, picture: Image, moment: datetime) -> None:
        """Write camera and time into a corner, as recorders do, in place."""
        rows, columns, ink, share = self._stamp_of(moment.replace(microsecond=0))
        region = picture[rows, columns]
        picture[rows, columns] = (region * (1 - share) + ink * share).astype(np.uint8)

    @lru_cache(maxsize=4)  # noqa: B019  a recording lives as long as its clips are rendered
    def _stamp_of(self, moment: datetime) -> tuple[slice, slice, FloatArray, FloatArray]:
        """Where the stamp goes, its grey levels and its opacity, (rows, columns, 1)."""
        text = f'CAM{self.site.camera_number:02d} {moment:%Y-%m-%d %H:%M:%S}'
        size, font = self.width / 160 * 0.26, cv2.FONT_HERSHEY_SIMPLEX
        thickness = max(round(self.width / 320), 1)
        (width, height), below = cv2.getTextSize(text, font, size, thickness)
        ink, share = np.zeros((2, height + below + 2, width + 2), np.uint8)
        for shift, level in ((1, 20), (0, 235)):
            start = (1, height + shift)
            cv2.putText(ink, text, start, font, size, level, thickness, cv2.LINE_8)
            cv2.putText(share, text, start, font, size, 255, thickness, cv2.LINE_AA)
        margin = max(self.width // 80, 1)
        left = margin if self.site.stamp_corner % 2 else self.width - width - margin
        top = margin if self.site.stamp_corner < 2 else self.height - height - below - margin
        rows = slice(max(top, 0), min(top + len(ink), self.height))
        columns = slice(max(left, 0), min(left + ink.shape[1], self.width))
        kept = (slice(0, rows.stop - rows.start), slice(0, columns.stop - columns.start))
        return rows, columns, ink[kept][..., None].astype(float), share[kept][..., None] / 255
