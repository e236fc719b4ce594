"""Tables of clips made by hand, as if they had been measured."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from data_analysis.measuring.clip_table import CLIP_COLUMNS
from data_analysis.measuring.file_measurement import FileMeasurement
from data_analysis.measuring.thumbnails import THUMBNAIL_HEIGHT, THUMBNAIL_WIDTH, encode_thumbnail

ORDINARY = FileMeasurement(
    tier='packets',
    duration_seconds=10.0,
    num_frames=250,
    fps=25.0,
    width=320,
    height=240,
    header_width=320,
    header_height=240,
    pixel_aspect=1.0,
    rotation=0,
    interlaced_share=0.0,
    first_frame_seconds=0.0,
    num_damaged_frames=0,
    codec='h264',
    pixel_format='yuv420p',
    container='mov',
    bitrate=1e5,
    bytes=125_000,
    keyframe_spacing=250,
    num_keyframes=1,
    first_decodable_frame=0,
    variable_rate_share=0.0,
    num_disordered_timestamps=0,
    audio=0,
    num_video_streams=1,
    header_num_frames=250,
    header_duration_seconds=10.0,
    num_packets=250,
    packet_duration_seconds=10.0,
    first_frame_distance=0.01,
    early_distance=0.01,
    sharpness=0.5,
    black_share=0.0,
    num_lost_frames=0,
)


def clips_of(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """A table of ordinary clips, each with its own bytes; a row says what is not ordinary."""
    complete = []
    for index, row in enumerate(rows):
        path = row.get('path', f'clip{index}.mp4')
        ordinary = {
            **asdict(ORDINARY),
            'path': path,
            'file': f'videos/{path}',
            'label': 'a',
            'split': '',
            'recording': '',
            'start_seconds': np.nan,
            'end_seconds': np.nan,
            'sha256': f'hash of {path}',
        }
        assert set(row) <= set(ordinary), set(row) - set(ordinary)
        complete.append({**ordinary, **row})
    return pd.DataFrame(complete)[list(CLIP_COLUMNS)]


def signature_of(seed: int, noise: float = 0.0, noise_seed: int = 0) -> str:
    """The signature of a random picture; the same seed with some noise looks alike."""
    picture = np.random.default_rng(seed).uniform(0, 255, (THUMBNAIL_HEIGHT, THUMBNAIL_WIDTH))
    shift = np.random.default_rng([seed, noise_seed]).normal(0, 1, picture.shape)
    return encode_thumbnail(np.clip(picture + noise * shift, 0, 255).astype(np.uint8))
