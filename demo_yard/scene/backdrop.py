"""The part of a recording that never changes: sky, ground, wagons, lamps and their light."""

from __future__ import annotations

import cv2
import numpy as np

from demo_yard.scene.arrays import FloatArray, Image
from demo_yard.scene.camera import Camera
from demo_yard.scene.ground import GroundView, ground_colors, noise_field
from demo_yard.scene.painter import draw_shadows, draw_solids
from demo_yard.scene.solids import Solids, group
from demo_yard.scene.weather import Weather
from demo_yard.scene.yard import LAMP_HEIGHT, Yard


def paint_backdrop(yard: Yard, weather: Weather, camera: Camera) -> Image:
    """The yard without anybody in it, (H, W, 3)."""
    rng = np.random.default_rng([yard.seed, 3])
    picture = _lit_ground(yard, weather, camera)
    _paint_sky(rng, picture, weather, camera)
    furniture = [_in_view(solids, camera) for solids in yard.furniture()]
    draw_shadows(picture, group(*furniture), camera, weather.light)
    for solids in sorted(furniture, key=lambda solids: -_distance(solids, camera)):
        draw_solids(picture, solids, camera, weather)
    return picture


def _distance(solids: Solids, camera: Camera) -> float:
    """How far away a thing is: details on its parts never cover what stands before it."""
    middles = solids.corners.mean(axis=1) - np.asarray(camera.position)
    return float(np.linalg.norm(middles, axis=-1).mean()) if len(solids) else np.inf


def _in_view(solids: Solids, camera: Camera) -> Solids:
    """Leave out what is behind the camera: a perspective picture of it has no meaning."""
    depth = camera.project(solids.corners)[1].min(axis=1)
    return solids.only(depth > 1.0)


def _pixel_grid(camera: Camera) -> tuple[FloatArray, FloatArray]:
    """Ground point (H, W, 2) under each pixel, and its depth (H, W); infinite above the horizon."""
    columns, rows = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    offsets = [columns - camera.width / 2, rows - camera.height / 2]
    rays = np.stack([*offsets, np.full_like(rows, camera.focal_pixels)], -1) / camera.focal_pixels
    rays = rays @ camera.rotation
    downward = rays[..., 2] < -1e-6
    depth = np.where(downward, -camera.position[2] / np.where(downward, rays[..., 2], 1.0), np.inf)
    points = (
        np.asarray(camera.position)[:2] + rays[..., :2] * np.where(downward, depth, 0.0)[..., None]
    )
    return points, depth


def _lit_ground(yard: Yard, weather: Weather, camera: Camera) -> Image:
    points, depth = _pixel_grid(camera)
    near = np.minimum(depth, 500.0)
    # A pixel covers more ground along the view than across it: take their geometric mean.
    stretch = np.sqrt(
        np.hypot(*np.moveaxis(points - camera.position[:2], -1, 0)) / camera.position[2]
    )
    footprint = near / camera.focal_pixels * np.maximum(stretch, 1.0)
    view = GroundView(points.astype(np.float32), footprint.astype(np.float32))
    light = weather.light
    lit = ground_colors(view, yard, weather) * (
        light.ambient + light.diffuse * light.sun_direction[2]
    )
    haze = weather.haze(depth)[..., None]
    return np.clip(lit * (1 - haze) + weather.fog_color * haze, 0, 255).astype(np.uint8)


def _paint_sky(rng: np.random.Generator, picture: Image, weather: Weather, camera: Camera) -> None:
    """Sky, clouds and a line of trees above the horizon, where the picture shows it."""
    horizon = int(np.ceil(camera.horizon_row))
    if horizon <= 0:
        return
    height = min(horizon, picture.shape[0])
    zenith = weather.fog_color * (0.78, 0.88, 1.0)
    share = np.linspace(0, 1, height)[:, None, None]
    sky = (1 - share) * zenith + share * weather.fog_color
    clouds = noise_field(rng, (height, camera.width), max(camera.width / 4, 2))
    sky = sky * (0.94 + 0.12 * clouds[..., None])
    picture[:height] = np.clip(sky, 0, 255)
    trees = weather.fog_color * 0.62 + np.array([10.0, 22.0, 6.0])
    for column in np.arange(0, camera.width, max(camera.width // 36, 2)):
        radius = int(camera.width * rng.uniform(0.012, 0.035))
        cv2.circle(picture, (int(column), horizon), radius, trees.tolist(), -1, cv2.LINE_AA)


def lamp_light(yard: Yard, weather: Weather, camera: Camera) -> tuple[Image, Image] | None:
    """Light of the lamps at night: a factor (0..255) and a glow to add, each (H, W, 3).

    Returns:
        None by day.
    """
    if not weather.lamps:
        return None
    points, depth = _pixel_grid(camera)
    warm = np.array([1.0, 0.86, 0.62])
    brightness = np.zeros(depth.shape)
    # One more lamp hangs on the camera's own mast: the stage is never black.
    pools = [*((x, y, 4.5) for x, y in yard.lamps), (0.0, 0.0, 7.5)]
    for x, y, radius in pools:
        squared = ((points - (x, y)) ** 2).sum(-1) / (2 * radius**2)
        brightness += np.where(np.isfinite(depth), np.exp(-squared), 0.0)
    factor = np.array([0.3, 0.34, 0.46]) + 0.62 * np.minimum(brightness, 1.1)[..., None] * warm
    glow = np.zeros((camera.height, camera.width, 3), np.uint8)
    heads = np.column_stack([yard.lamps, np.full(len(yard.lamps), LAMP_HEIGHT)])
    pixels, depths = camera.project(heads)
    for (column, row), distance in zip(pixels, depths, strict=True):
        if distance > 1.0 and np.abs([column, row]).max() < 4 * camera.width:
            radius = max(int(camera.focal_pixels * 0.3 / distance), 1)
            cv2.circle(glow, (int(column), int(row)), radius, (255, 236, 190), -1, cv2.LINE_AA)
    width = int(camera.width * 0.09) | 1
    halo = cv2.GaussianBlur(glow, (0, 0), width / 3)
    return np.clip(factor * 255, 0, 255).astype(np.uint8), cv2.add(
        glow, cv2.convertScaleAbs(halo, alpha=2.2)
    )
