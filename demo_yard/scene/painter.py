"""Draws solids into a picture: cull, shade, sort by distance, fill polygons from far to near."""

from __future__ import annotations

import cv2
import numpy as np

from demo_yard.scene.arrays import FloatArray, Image
from demo_yard.scene.camera import Camera
from demo_yard.scene.solids import FACES, Solids
from demo_yard.scene.weather import Light, Weather

_SUBPIXEL_BITS = 4


def _fixed_point(pixels: FloatArray) -> np.ndarray:
    return np.round(np.clip(pixels, -8e3, 8e3) * (1 << _SUBPIXEL_BITS)).astype(np.int32)


def _face_normals(corners: FloatArray) -> FloatArray:
    """Outward unit normals (S, 6, 3) of solids with corners (S, 8, 3)."""
    faces = corners[:, FACES]
    normals = np.cross(faces[:, :, 2] - faces[:, :, 0], faces[:, :, 3] - faces[:, :, 1])
    return normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)


def shade(colors: FloatArray, normals: FloatArray, light: Light) -> FloatArray:
    """Lambert shading: colours (S, 3) and normals (S, 6, 3) to lit colours (S, 6, 3)."""
    towards_sun = np.maximum(normals @ light.sun_direction, 0.0)[..., None]
    from_sky = (0.75 + 0.25 * normals[..., 2])[..., None]
    return colors[:, None] * (light.ambient * from_sky + light.diffuse * towards_sun)


def draw_solids(picture: Image, solids: Solids, camera: Camera, weather: Weather) -> None:
    """Paint `solids` into `picture` (H, W, 3) in place, the farthest first."""
    if not len(solids):
        return
    pixels, depths = camera.project(solids.corners)
    normals = _face_normals(solids.corners)
    centers = solids.corners[:, FACES].mean(axis=2)
    view = centers - np.asarray(camera.position)
    facing = (normals * view).sum(-1) < 0
    colors = shade(solids.colors, normals, weather.light)
    haze = weather.haze(depths.mean(axis=1))[:, None, None]
    colors = np.clip(colors * (1 - haze) + weather.fog_color * haze, 0, 255)
    middles = solids.corners.mean(axis=1) - np.asarray(camera.position)
    farthest_first = np.argsort(solids.lifts - np.linalg.norm(middles, axis=-1), kind='stable')
    chosen, face = np.nonzero(facing[farthest_first])
    chosen = farthest_first[chosen]
    polygons = np.ascontiguousarray(_fixed_point(pixels)[:, FACES][chosen, face])
    for polygon, color in zip(polygons, colors[chosen, face].tolist(), strict=True):
        cv2.fillConvexPoly(picture, polygon, color, cv2.LINE_8, _SUBPIXEL_BITS)


def draw_shadows(picture: Image, solids: Solids, camera: Camera, light: Light) -> None:
    """Darken the ground where `solids` keep the light off, in place."""
    if light.shadow <= 0 or not len(solids):
        return
    height = solids.corners[..., 2:]
    on_ground = solids.corners - height / light.sun_direction[2] * light.sun_direction
    pixels = _fixed_point(camera.project(on_ground)[0])
    mask = np.zeros(picture.shape[:2], np.uint8)
    for outline in pixels:
        cv2.fillConvexPoly(mask, cv2.convexHull(outline), 255, cv2.LINE_8, _SUBPIXEL_BITS)
    left, top, width, height_pixels = cv2.boundingRect(mask)
    if not width:
        return
    window = (slice(top, top + height_pixels), slice(left, left + width))
    soft = cv2.blur(mask[window], (light.shadow_blur, light.shadow_blur))
    keep = 255 - cv2.convertScaleAbs(soft, alpha=light.shadow)
    picture[window] = cv2.multiply(picture[window], cv2.merge([keep] * 3), scale=1 / 255)
