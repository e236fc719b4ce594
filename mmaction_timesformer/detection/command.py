"""What ``tools/detect.py`` does with its arguments."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmaction_timesformer.detection.delivery.sinks import (
    HeartbeatSink,
    JsonSink,
    Sink,
    TextSink,
    open_mqtt,
    open_webhook,
)
from mmaction_timesformer.detection.detector import DangerDetector
from mmaction_timesformer.detection.running import run, stop_on_signals
from mmaction_timesformer.detection.sources.sources import find_sources

WEBHOOK_TOKEN_VARIABLE = 'MMACTION_TIMESFORMER_WEBHOOK_TOKEN'


def detect_command(
    config: str,
    checkpoint: str,
    sources: Sequence[str],
    out: str,
    device: str = 'cpu',
    pace: float | None = None,
    cfg_options: dict[str, Any] | None = None,
    json: bool = False,
    webhook: Sequence[str] = (),
    mqtt: Sequence[str] = (),
    annotate: bool = False,
    clips: bool = False,
    trust_compiled: bool = False,
    ray: str | None = None,
    workers: int = 2,
) -> int:
    """Find danger events in sources and write them to a folder.

    Args:
        config: The model's config.
        checkpoint: Its weights, or what ``tools/export.py`` made of them.
        sources: Video files, folders, globs, URLs and cameras.
        out: The folder; a run that was ended goes on in it.
        device: Where the model runs.
        pace: Play files like live streams, this many times as fast as recorded.
        cfg_options: Values that replace the config's, such as ``detection.hop_seconds``.
        json: Write every record as a JSON line to standard output, in place of words.
        webhook: URLs to post events to.
        mqtt: URLs of MQTT brokers, each with its topic.
        annotate: Copy each recording with its probabilities and a timeline.
        clips: Show each event by a picture and a short clip.
        trust_compiled: Run machine code out of a ``.pt2`` file.
        ray: Watch recordings on the Ray cluster with this address, or on ``local``.
        workers: How many recordings are watched on it at a time.

    Returns:
        The exit code: 0, or 1 if a source could not be used, or 2 if nothing could be begun.
    """
    logging.basicConfig(format='%(levelname)s: %(message)s', stream=sys.stderr)
    folder = Path(out)
    try:
        found = find_sources(sources, pace)
        cfg = _read_config(config, cfg_options or {})
        detector = DangerDetector.from_config(
            cfg, checkpoint, device, trust_compiled=trust_compiled
        )
        sinks: list[Sink] = [JsonSink()] if json else [TextSink()]
        if not json and any(source.is_live or source.pace for source in found):
            sinks.append(HeartbeatSink())
        token = os.environ.get(WEBHOOK_TOKEN_VARIABLE)
        sinks += [open_webhook(url, folder, token) for url in webhook]
        sinks += [open_mqtt(url, folder) for url in mqtt]
        description = {'config': config, 'checkpoint': checkpoint, 'device': device}
        done = None
        if ray is not None:
            from mmaction_timesformer.detection.archive import watch_archive

            if webhook or mqtt:
                raise ValueError('--ray writes to --out alone, not to --webhook and --mqtt')
            done = watch_archive(
                config,
                checkpoint,
                found,
                folder,
                device=device,
                cfg_options=cfg_options,
                address=ray,
                num_workers=workers,
                trust_compiled=trust_compiled,
            )
        with stop_on_signals() as stop:
            summary = run(
                detector, found, folder, sinks, description, stop, annotate, clips, report=True
            )
    except (ValueError, OSError, ImportError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    if done is not None:
        # What failed there was tried again here, and all is skipped that was finished.
        done.num_failed = summary.num_failed
        summary = done
    print(f'{summary} -> {out}', file=sys.stderr)
    return summary.exit_code


def _read_config(file: str, options: Mapping[str, Any]) -> Config:
    try:
        config = Config.fromfile(file)
        config.merge_from_dict(dict(options))
    except OSError:
        raise
    # A config is a program, and what may be wrong with it is anything.
    except Exception as error:
        raise ValueError(f'{file}: {type(error).__name__}: {error}') from error
    return config
