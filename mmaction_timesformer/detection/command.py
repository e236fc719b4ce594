"""The command behind ``tools/detect.py``."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmaction_timesformer.detection.archive import ModelFiles, watch_archive
from mmaction_timesformer.detection.delivery.sinks import (
    HeartbeatSink,
    JsonSink,
    Sink,
    TextSink,
    open_mqtt,
    open_webhook,
)
from mmaction_timesformer.detection.results.finishing import RunOptions
from mmaction_timesformer.detection.running import RunSummary, run, stop_on_signals
from mmaction_timesformer.detection.sources.addresses import fill_in
from mmaction_timesformer.detection.sources.sources import Source, find_left_out, find_sources
from mmaction_timesformer.inference.loading import log_to_standard_error
from video_clips.clip import describe_left_out, real_path
from video_clips.commands import printable

WEBHOOK_TOKEN_VARIABLE = 'MMACTION_TIMESFORMER_WEBHOOK_TOKEN'


@dataclass(frozen=True)
class DetectArguments:
    """Arguments of ``tools/detect.py``.

    Attributes:
        config: The model's config.
        checkpoint: Its weights, or what ``tools/export.py`` made of them.
        sources: Video files, folders, globs, URLs and cameras; ``gate=URL`` names one.
        out: The folder of results; a run that was ended is resumed in it.
        device: Where the model runs.
        pace: Play files like live streams, this many times as fast as recorded.
        cfg_options: Values that replace the config's, such as ``detection.hop_seconds``.
        json: Print every record as a JSON line to standard output, in place of words.
        webhook: URLs to post events to.
        mqtt: URLs of MQTT brokers, each with its topic.
        annotate: Copy each recording with its probabilities and a timeline.
        clips: Show each event by a picture and a short clip.
        live: Keep the newest picture and the state of each source.
        trust_compiled: Run machine code out of a ``.pt2`` file.
        ray: Watch recordings on the Ray cluster with this address, or on ``local``.
        workers: How many recordings are watched on it at a time.
        anticipate: Seconds ahead at which dangers are events too, with an online model.
    """

    config: str
    checkpoint: str
    sources: Sequence[str]
    out: str
    device: str = 'cpu'
    pace: float | None = None
    cfg_options: dict[str, Any] | None = None
    json: bool = False
    webhook: Sequence[str] = ()
    mqtt: Sequence[str] = ()
    annotate: bool = False
    clips: bool = False
    live: bool = False
    trust_compiled: bool = False
    ray: str | None = None
    workers: int = field(default=2)
    anticipate: float | None = None


def detect_command(arguments: DetectArguments) -> int:
    """Find danger events in sources and write them to a folder.

    Returns:
        The exit code: 0; 1 if a source could not be used or a record not written or delivered; 2 if
        nothing could be begun; 130 after a second Ctrl-C.
    """
    logging.basicConfig(format='%(levelname)s: %(message)s', stream=sys.stderr)
    try:
        summary = _detect(arguments)
    except (ValueError, OSError, ImportError) as error:
        print(f'error: {printable(_in_words(error))}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130
    print(printable(f'{summary} -> {arguments.out}'), file=sys.stderr)
    return summary.exit_code


def _detect(arguments: DetectArguments) -> RunSummary:
    found = find_sources(arguments.sources, arguments.pace)
    folder = Path(arguments.out)
    _check_folder(arguments.sources, found, folder)
    _name_left_out(find_left_out(arguments.sources))
    model = ModelFiles(
        arguments.config,
        arguments.checkpoint,
        arguments.device,
        arguments.cfg_options or {},
        arguments.trust_compiled,
        arguments.anticipate,
    )
    if arguments.ray is not None:
        model = model.pinned()
    # Standard output belongs to the records.
    log_to_standard_error()
    with redirect_stdout(sys.stderr):
        detector = model.load()
    if arguments.ray is not None and (arguments.webhook or arguments.mqtt):
        raise ValueError('--ray writes to --out alone, not to --webhook and --mqtt')
    sinks = _open_sinks(arguments, found, folder)
    done = None
    if arguments.ray is not None:
        done = watch_archive(model, found, folder, arguments.ray, arguments.workers)
    facts = {name: getattr(arguments, name) for name in ('config', 'checkpoint', 'device')}
    options = RunOptions(
        arguments.annotate,
        arguments.clips,
        report=True,
        live=arguments.live,
        description=facts,
    )
    with stop_on_signals() as stop:
        summary = run(detector, found, folder, sinks, options, stop)
    if done is None:
        return summary
    # What failed on the cluster was tried again here; what was finished there is skipped here.
    return replace(done, num_failed=summary.num_failed, was_stopped=summary.was_stopped)


def _check_folder(texts: Sequence[str], found: Sequence[Source], folder: Path) -> None:
    """Refuse a folder of results among the recordings: the next run would watch its own videos."""
    out = real_path(folder)
    for text in texts:
        if os.path.isdir(text) and out.is_relative_to(real_path(text)):
            raise ValueError(f'--out {folder} lies inside the recordings {text}; name another')
    for source in found:
        if source.kind == 'file' and real_path(source.url).is_relative_to(out):
            raise ValueError(f'{source.name} lies inside --out {folder}; name another folder')


def _name_left_out(files: Sequence[str]) -> None:
    if files:
        print(printable(describe_left_out(files)), file=sys.stderr)


def _open_sinks(arguments: DetectArguments, found: Sequence[Source], folder: Path) -> list[Sink]:
    sinks: list[Sink] = [JsonSink()] if arguments.json else [TextSink()]
    if not arguments.json and any(source.is_live or source.pace for source in found):
        sinks.append(HeartbeatSink())
    token = os.environ.get(WEBHOOK_TOKEN_VARIABLE)
    webhooks = dict.fromkeys(map(fill_in, arguments.webhook))
    sinks += [open_webhook(url, folder, token) for url in webhooks]
    sinks += [open_mqtt(url, folder) for url in dict.fromkeys(map(fill_in, arguments.mqtt))]
    return sinks


def _in_words(error: Exception) -> str:
    """One line that names the file, where there is one."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f'{error.filename}: {error.strerror}'
    return str(error)
