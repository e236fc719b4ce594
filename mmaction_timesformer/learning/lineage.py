"""A folder of models that follow one another, each with where it came from and who took it.

=================== =============================================================================
``log.jsonl``       who added, accepted, rejected or rolled back what, when and why; only grows
``current``         link to the model that is in use; it switches in one step
``models/ID/``      ``model.pth``, ``card.json``, and what it learned and answered
``exam.csv``        the exam, see module ``exam``
``features/``       features of clips that were read once
=================== =============================================================================

The log is written first and is the truth: whatever kills a writer, opening the folder again brings
the link and the cards to where the log says. A model is complete before the log names it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from video_clips.growing_files import FolderLock, JsonLines, read_records
from video_clips.plain_data import parse_json
from video_clips.whole_files import naming_failed_writes, write_atomically

LOG, CURRENT, MODELS, CARD, MODEL = 'log.jsonl', 'current', 'models', 'card.json', 'model.pth'
WAITING, ACCEPTED, REJECTED = 'waiting', 'accepted', 'rejected'
LOCK_SECONDS = 30.0


@dataclass(frozen=True)
class Card:
    """Facts about a model of the lineage.

    Attributes:
        model: Its name in the lineage.
        made: When, ISO 8601.
        how: ``start``, ``at once`` or ``overnight``.
        parents: Models that it was made from.
        classes: Names.
        digest: SHA-256 of the checkpoint.
        data: Fingerprint of all that it learned, and counts by class and camera.
        change: What it learned beyond its parent.
        exam: The exam's fingerprint and the gate's verdict; None without an exam.
        state: ``waiting``, ``accepted`` or ``rejected``.
        decided: By whom, when and why; empty while it waits.
    """

    model: str
    made: str
    how: str
    parents: tuple[str, ...]
    classes: tuple[str, ...]
    digest: str
    data: Mapping[str, Any] = field(default_factory=dict)
    change: Mapping[str, Any] = field(default_factory=dict)
    exam: Mapping[str, Any] | None = None
    state: str = WAITING
    decided: Mapping[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether the gate let it through."""
        return bool(self.exam and self.exam['passed'])

    @property
    def reasons(self) -> tuple[str, ...]:
        """The gate's words."""
        return tuple(self.exam['reasons']) if self.exam else ()


@dataclass(frozen=True)
class NewModel:
    """A model that is to join a lineage.

    Attributes:
        how: ``start``, ``at once`` or ``overnight``.
        parents: Models that it was made from.
        classes: Names.
        write: Writes files into the model's folder, ``model.pth`` among them.
        data: See `Card`.
        change: See `Card`.
        exam: See `Card`.
    """

    how: str
    parents: tuple[str, ...]
    classes: tuple[str, ...]
    write: Callable[[Path], None]
    data: Mapping[str, Any] = field(default_factory=dict)
    change: Mapping[str, Any] = field(default_factory=dict)
    exam: Mapping[str, Any] | None = None


class Lineage:
    """A lineage on disk; several processes may use it.

    Args:
        folder: The folder.

    Raises:
        FileNotFoundError: There is no lineage in it.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not is_lineage(self.folder):
            raise FileNotFoundError(
                f'{folder}: there is no lineage; begin one with tools/continue_training.py start'
            )
        with self._writing():
            self._settle()

    @classmethod
    def begin(cls, folder: str | Path, first: NewModel, by: str) -> Lineage:
        """Begin a lineage with a model that is in use at once.

        Raises:
            ValueError: There is one already.
        """
        folder = Path(folder)
        if is_lineage(folder):
            raise ValueError(f'{folder}: there is a lineage already')
        lineage = object.__new__(cls)
        lineage.folder = folder
        with lineage._writing():
            card = lineage._put(first)
            lineage._note('start', card.model, by, 'the first model')
            lineage._settle()
        return lineage

    @property
    def cache(self) -> Path:
        """Folder of features."""
        return self.folder / 'features'

    @property
    def current(self) -> Card:
        """The model in use."""
        return self.card(current_model(self.folder).name)

    def path(self, model: str | None = None) -> Path:
        """Folder of a model, by default of the one in use."""
        return self.folder / MODELS / (self.current.model if model is None else model)

    def checkpoint(self, model: str | None = None) -> Path:
        """Checkpoint of a model, by default of the one in use."""
        return self.path(model) / MODEL

    def log(self) -> list[dict[str, Any]]:
        """Everything that was decided, the oldest first."""
        records = list(read_records(self.folder / LOG))
        for number, record in enumerate(records, start=1):
            model = record.get('model')
            if not isinstance(model, str) or Path(model).name != model or 'action' not in record:
                raise ValueError(f'{self.folder / LOG}, line {number}: not a record of a lineage')
        if not records or records[0]['action'] != 'start':
            raise ValueError(f'{self.folder / LOG} does not begin with the start of a lineage')
        return records

    def cards(self) -> list[Card]:
        """All models, the oldest first."""
        named = [record['model'] for record in self.log() if record['action'] in ('start', 'add')]
        return [self.card(model) for model in named]

    def card(self, model: str) -> Card:
        """The card of a model, as the log has decided.

        Raises:
            ValueError: There is none of this name.
        """
        file = self.folder / MODELS / model / CARD
        if Path(model).name != model or not file.is_file():
            raise ValueError(f'{model!r} is none of the models of {self.folder}')
        try:
            content = parse_json(file.read_text(encoding='utf-8'))
            content |= {name: tuple(content[name]) for name in ('parents', 'classes')}
            return _decided(Card(**content), self.log())
        except (KeyError, TypeError) as error:
            raise ValueError(f'{file} is not the card of a model: {error}') from None
        except ValueError as error:
            raise ValueError(f'{file} cannot be read: {error}') from None

    def waiting(self) -> list[Card]:
        """Models that nobody has decided on."""
        return [card for card in self.cards() if card.state == WAITING]

    def add(self, new: NewModel, by: str) -> Card:
        """Add a model, which waits for a decision."""
        with self._writing():
            card = self._put(new)
            self._note('add', card.model, by, '')
        return card

    def accept(self, model: str, by: str, reason: str = '', against_gate: bool = False) -> Card:
        """Take a model into use.

        Args:
            model: Which.
            by: Who decides.
            reason: Why.
            against_gate: Whether to take one that the gate has not let through; needs a reason.

        Raises:
            ValueError: The gate has not let it through, or its parent is in use no longer.
        """
        with self._writing():
            card = self.card(model)
            if not card.passed and not (against_gate and reason):
                words = '; '.join(card.reasons) or 'it has sat no exam'
                raise ValueError(
                    f'model {model} is not taken: {words}. Whoever takes it all the same says so '
                    'and why'
                )
            current = self.current.model
            if current not in (*card.parents, model):
                raise ValueError(
                    f'model {model} was made from {", ".join(card.parents)}, and {current} is in '
                    'use: make it again, or what was learned since would be lost'
                )
            self._note('accept', model, by, reason, against_gate=not card.passed)
            self._settle()
        return self.card(model)

    def reject(self, model: str, by: str, reason: str = '') -> Card:
        """Decide against a model that waits.

        Raises:
            ValueError: It is in use.
        """
        with self._writing():
            if self.card(model).model == self.current.model:
                raise ValueError(f'model {model} is in use: roll back to another')
            self._note('reject', model, by, reason)
            self._settle()
        return self.card(model)

    def rollback(self, by: str, reason: str = '', to: str | None = None) -> Card:
        """Go back to an earlier model.

        Args:
            by: Who decides.
            reason: Why.
            to: Which model; by default the parent of the one in use.

        Raises:
            ValueError: There is none, or it was never in use.
        """
        with self._writing():
            current = self.current
            target = to or next(iter(current.parents), None)
            if target is None:
                raise ValueError(f'model {current.model} is the first: there is none to go back to')
            if self.card(target).state != ACCEPTED:
                raise ValueError(f'model {target} was never in use')
            self._note('rollback', target, by, reason, before=current.model)
            self._settle()
        return self.card(target)

    def _put(self, new: NewModel) -> Card:
        """Write a model whole, then give it its name."""
        models = self.folder / MODELS
        models.mkdir(parents=True, exist_ok=True)
        for left in models.glob('.new*'):  # of a writer that was killed
            shutil.rmtree(left)
        numbers = [int(path.name) for path in models.iterdir() if path.name.isdecimal()]
        name = f'{1 + max(numbers, default=0):04d}'
        staging = models / f'.new{name}'
        staging.mkdir()
        with naming_failed_writes(models / name, staging):
            new.write(staging)
        facts = {key: getattr(new, key) for key in ('how', 'parents', 'classes', 'data', 'change')}
        card = Card(name, _now(), digest=_digest(staging / MODEL), exam=new.exam, **facts)
        # Tools that are given the folder of a training look for this.
        (staging / 'last_checkpoint').write_text(MODEL, encoding='utf-8')
        _write_card(staging, card)
        os.replace(staging, models / name)
        return card

    def _note(self, action: str, model: str, by: str, reason: str, **more: Any) -> None:
        log = JsonLines(self.folder / LOG)
        log.write(dict(action=action, model=model, by=by, time=_now(), reason=reason, **more))
        log.close()

    def _settle(self) -> None:
        """Bring the link and the cards to what the log says."""
        log = self.log()
        taken = [r['model'] for r in log if r['action'] in ('start', 'accept', 'rollback')]
        target = Path(MODELS, taken[-1])
        link = self.folder / CURRENT
        if not link.is_symlink() or Path(os.readlink(link)) != target:
            beside = self.folder / f'.{CURRENT}'
            beside.unlink(missing_ok=True)
            beside.symlink_to(target)
            os.replace(beside, link)
        for record in log[-1:]:
            path = self.folder / MODELS / record['model']
            _write_card(path, self.card(record['model']))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        lock = FolderLock(self.folder, LOCK_SECONDS)
        try:
            yield
        finally:
            lock.release()


def is_lineage(folder: str | Path) -> bool:
    """Whether a folder holds a lineage."""
    log = Path(folder, LOG)
    # Empty where whoever began it was killed before its first line.
    return log.is_file() and next(read_records(log), None) is not None


def lineage_of(path: str | Path) -> Path | None:
    """The lineage's folder, given that or its ``current``; None for any other path."""
    path = Path(path)
    folder = path.parent if path.name == CURRENT else path
    return folder if is_lineage(folder) else None


def current_model(folder: str | Path) -> Path:
    """Folder of the model in use; what was read stays there when another takes over.

    Raises:
        FileNotFoundError: No model is in use.
    """
    link = Path(folder, CURRENT)
    try:
        return Path(folder, os.readlink(link))
    except OSError:
        raise FileNotFoundError(f'{link}: no model is in use') from None


def _decided(card: Card, log: Sequence[Mapping[str, Any]]) -> Card:
    states = {'start': ACCEPTED, 'accept': ACCEPTED, 'reject': REJECTED}
    for record in log:
        if record['model'] == card.model and record['action'] in states:
            decided = {name: record[name] for name in ('by', 'time', 'reason')}
            if record.get('against_gate'):
                decided['against_gate'] = True
            card = replace(card, state=states[record['action']], decided=decided)
    return card


def _write_card(folder: Path, card: Card) -> None:
    with write_atomically(folder / CARD) as stream:
        json.dump(vars(card), stream, indent=1, ensure_ascii=False)


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open('rb') as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec='seconds')
