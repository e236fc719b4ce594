"""From corrections to a model that waits for a decision: what commands and pages call.

lineage = start('lineage', 'work_dirs/mine', exam=read_corrections('exam.csv', ()), by='ann')
corrections = read_corrections('corrections.csv', lineage.current.classes)
card = learn_at_once(lineage, corrections, by='ann')
if card.passed:
lineage.accept(card.model, by='ann')
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mmaction_timesformer.engine.loops.closed_form import STATISTICS
from mmaction_timesformer.evaluation.predictions import Predictions
from mmaction_timesformer.inference.checkpoint_config import read_checkpoint_config
from mmaction_timesformer.inference.online_model import is_online
from mmaction_timesformer.inference.trained_model import TrainedModel
from mmaction_timesformer.learning.corrections import Corrections, fingerprint_of
from mmaction_timesformer.learning.exam import FILE, Exam, read_answers, write_answers
from mmaction_timesformer.learning.gate import NO_EXAM, GateRule, Verdict, judge
from mmaction_timesformer.learning.increments import Learner
from mmaction_timesformer.learning.lineage import MODEL, Card, Lineage, NewModel, is_lineage
from mmaction_timesformer.models.checkpoints import find_checkpoint, read_checkpoint
from mmaction_timesformer.models.heads import ClosedFormHead
from video_clips.clip import Clip
from video_clips.whole_files import written_beside

ANSWERS, CORRECTIONS = 'answers.json', 'corrections.csv'
AT_ONCE, OVERNIGHT = 'at once', 'overnight'


def start(
    folder: str | Path, checkpoint: str | Path, exam: Corrections | None = None, by: str = ''
) -> Lineage:
    """Begin a lineage with a trained model, which is in use at once.

    Args:
        folder: Of the lineage.
        checkpoint: The model, or the work folder of its training.
        exam: Labelled clips that no model shall learn from, with their cameras.
        by: Who begins it.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: It cannot be loaded, or takes streams, or there is a lineage already.
    """
    if is_lineage(folder):
        raise ValueError(f'{folder}: there is a lineage already')
    folder, file = Path(folder), find_checkpoint(Path(checkpoint))
    _refuse_online(file)
    trained = TrainedModel.load(None, file)
    content = read_checkpoint(file)
    answers = None
    if exam is not None:
        asked = Exam.of(exam)
        asked.write(folder / FILE)
        answers = asked.sit(trained, cache=folder / 'features')

    def write(place: Path) -> None:
        with written_beside(place / MODEL) as partial:
            partial.write_bytes(file.read_bytes())
        if answers is not None:
            write_answers(place / ANSWERS, answers)

    first = NewModel('start', (), trained.classes, write, data=data_of(content, trained.classes))
    return Lineage.begin(folder, first, by)


def _refuse_online(file: Path) -> None:
    content = read_checkpoint(file)
    config = read_checkpoint_config(content.get('meta') or {}, file, content['state_dict'])
    if is_online(config):
        raise ValueError(
            f'{file} is an online model: corrections are learned by models of clips; train it '
            'again with tools/train_online.py'
        )


def read_exam(lineage: Lineage) -> Exam | None:
    """The exam of a lineage, if it has one."""
    file = lineage.folder / FILE
    return Exam.read(file) if file.is_file() else None


def extend_exam(lineage: Lineage, clips: Corrections) -> Exam:
    """Add clips to the exam, for a class or a camera that it does not ask yet."""
    exam, more = read_exam(lineage), Exam.of(clips)
    joined = more if exam is None else exam.joined_by(more)
    joined.write(lineage.folder / FILE)
    return joined


@dataclass(frozen=True)
class Plan:
    """Effects that learning from corrections would have.

    Attributes:
        corrections: Those to learn from.
        held_back: Names of those that show what the exam asks, and are left out.
        by_class: Number of clips by class.
        new_classes: Classes that the model does not know.
    """

    corrections: Corrections
    held_back: tuple[str, ...]
    by_class: Mapping[str, int]
    new_classes: tuple[str, ...]


def plan(lineage: Lineage, corrections: Corrections) -> Plan:
    """See what would be learned; nothing is computed.

    Raises:
        ValueError: Nothing is left to learn from.
    """
    exam = read_exam(lineage)
    held_back = set() if exam is None else exam.held_back(corrections)
    left = corrections.without(held_back)
    if not len(left):
        raise ValueError(
            'there is nothing to learn'
            + (f': all {len(held_back)} corrections are clips of the exam' if held_back else '')
        )
    labels = Counter(left.label_name(clip) or 'forget' for clip in left.clips)
    new = corrections.classes[len(lineage.current.classes) :]
    return Plan(left, tuple(sorted(held_back)), dict(labels), new)


def learn_at_once(
    lineage: Lineage,
    corrections: Corrections,
    by: str,
    rule: GateRule | None = None,
    learner: Learner | None = None,
) -> Card:
    """Learn corrections in closed form; the model waits for a decision.

    Args:
        lineage: The lineage; its current model is the parent.
        corrections: What to learn.
        by: Who asks for it.
        rule: Of the gate.
        learner: The current model, where a page has it at hand already; it is changed.

    Raises:
        ValueError: The model has no closed-form head, or there is nothing to learn.
        VideoError: A clip cannot be decoded.
    """
    parent = lineage.current
    left = plan(lineage, corrections).corrections
    learner = learner or Learner.open(lineage.checkpoint(parent.model), lineage.cache)
    change = learner.learn(left)
    answers, verdict = examine(lineage, learner.trained, learner.classes, rule)
    content = {STATISTICS: learner.head.statistics_state()}
    new = NewModel(
        AT_ONCE,
        (parent.model,),
        learner.classes,
        writer(learner.save, left, answers),
        data=data_of(content, learner.classes, parent, left.clips),
        change=asdict(change) | dict(corrections=len(left), fingerprint=left.fingerprint),
        exam=exam_entry(lineage, verdict),
    )
    return lineage.add(new, by)


def writer(
    save: Callable[[Path], None], corrections: Corrections, answers: Predictions | None
) -> Callable[[Path], None]:
    """Writer of a model's folder: the checkpoint, the corrections and the answers to the exam.

    Args:
        save: Writes the checkpoint to a file.
        corrections: Those that were learned.
        answers: ``None`` without an exam.
    """

    def write(place: Path) -> None:
        save(place / MODEL)
        corrections.write(place / CORRECTIONS)
        if answers is not None:
            write_answers(place / ANSWERS, answers)

    return write


def examine(
    lineage: Lineage,
    trained: TrainedModel,
    classes: tuple[str, ...],
    rule: GateRule | None = None,
) -> tuple[Predictions | None, Verdict]:
    """Let a new model sit the exam, and compare it with the one in use."""
    exam = read_exam(lineage)
    if exam is None:
        return None, NO_EXAM
    after = exam.sit(trained, classes, lineage.cache)
    return after, judge(answers_of(lineage, exam), after, rule)


def answers_of(lineage: Lineage, exam: Exam, model: str | None = None) -> Predictions:
    """A model's answers to the exam as it is now."""
    file = lineage.path(model) / ANSWERS
    if file.is_file():
        answers = read_answers(file)
        if len(answers) == len(exam):
            return answers
    trained = TrainedModel.load(None, lineage.checkpoint(model))
    answers = exam.sit(trained, cache=lineage.cache)
    write_answers(file, answers)
    return answers


def exam_entry(lineage: Lineage, verdict: Verdict) -> dict[str, Any]:
    """The part of a card that tells how a model did."""
    exam = read_exam(lineage)
    return dict(fingerprint=exam.fingerprint if exam else None, **verdict.to_dict())


def data_of(
    content: Mapping[str, Any],
    classes: tuple[str, ...],
    parent: Card | None = None,
    clips: tuple[Clip, ...] = (),
) -> dict[str, Any]:
    """Fingerprint and counts of all that a model has learned.

    A closed-form head's follows from its statistics: the same clips give the same fingerprint,
    whatever the order they came in. Others follow from the parent's and from what was added.
    """
    if STATISTICS in content:
        return _data_of_statistics(content[STATISTICS], classes)
    before = '' if parent is None else str(parent.data['fingerprint'])
    text = json.dumps([before, fingerprint_of(clips, classes)])
    return dict(fingerprint=hashlib.sha256(text.encode()).hexdigest()[:16])


def _data_of_statistics(state: Any, classes: tuple[str, ...]) -> dict[str, Any]:
    parts = state['classes'] if isinstance(state, dict) else state
    recordings = state.get('recordings', {}) if isinstance(state, dict) else {}
    rows, cameras = [], Counter[str]()
    for name, part in zip(classes, parts, strict=False):
        rows.append(json.dumps([name, round(float(part['weight']), 6)]))
        for clip in sorted(set(part.get('names', ()))):
            rows.append(json.dumps([name, clip]))
            if clip in recordings:
                cameras[recordings[clip]] += 1
    return dict(
        fingerprint=hashlib.sha256('\n'.join(sorted(rows)).encode()).hexdigest()[:16],
        rows_by_class={
            name: round(float(part['weight']), 3)
            for name, part in zip(classes, parts, strict=False)
        },
        clips_by_camera=dict(sorted(cameras.items())),
    )


def is_closed_form(trained: TrainedModel) -> bool:
    """Whether a model can learn at once."""
    return isinstance(trained.model.cls_head, ClosedFormHead)
