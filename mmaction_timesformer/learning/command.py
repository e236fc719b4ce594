"""The command behind ``tools/continue_training.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmaction_timesformer.learning.corrections import Corrections, read_corrections
from mmaction_timesformer.learning.gate import GateRule
from mmaction_timesformer.learning.lineage import Card, Lineage
from mmaction_timesformer.learning.steps import extend_exam, learn_at_once, plan, start


def continue_training(step: str, lineage: str, **options: Any) -> int:
    """Do one step of a lineage.

    Args:
        step: ``start``, ``learn``, ``overnight``, ``exam``, ``accept``, ``reject``, ``rollback`` or
            ``show``.
        lineage: Its folder.
        options: Those of the step.

    Returns:
        The exit code: 0; 1 if the gate did not let a model through.
    """
    return STEPS[step](lineage, **options)


def _start(lineage: str, checkpoint: str, exam: str | None, root: str | None, by: str) -> int:
    asked = None if exam is None else read_corrections(exam, (), root)
    print(describe(start(lineage, checkpoint, asked, by).current))
    return 0


def _learn(lineage: str, corrections: str, root: str | None, by: str, **options: Any) -> int:
    line = Lineage(lineage)
    found = read_corrections(corrections, line.current.classes, root)
    _show_plan(line, found)
    card = learn_at_once(line, found, by, GateRule(options['margin'], options['alpha']))
    change = card.change
    print(
        f'features {change["feature_seconds"]:.2f} s, fit {change["fit_seconds"]:.2f} s; '
        f'{change["num_added"]} clips added, {change["num_relabelled"]} relabelled, '
        f'{change["num_forgotten"]} forgotten'
    )
    return _decide(line, card, by, options['accept'])


def _overnight(lineage: str, corrections: str, root: str | None, by: str, **options: Any) -> int:
    # Training imports what learning at once does without.
    from mmaction_timesformer.learning.overnight import NightSettings, learn_overnight

    line = Lineage(lineage)
    found = read_corrections(corrections, line.current.classes, root)
    _show_plan(line, found)
    names = ('epochs', 'replay', 'distillation', 'old_share', 'learning_rate')
    settings = NightSettings(**{name: options[name] for name in names})
    rule = GateRule(options['margin'], options['alpha'])
    card = learn_overnight(line, found, by, settings, rule)
    return _decide(line, card, by, options['accept'])


def _exam(lineage: str, clips: str, root: str | None) -> int:
    exam = extend_exam(Lineage(lineage), read_corrections(clips, (), root))
    print(f'the exam has {len(exam)} clips of {len(exam.classes)} classes')
    return 0


def _accept(lineage: str, model: str, by: str, reason: str, against_gate: bool) -> int:
    print(describe(Lineage(lineage).accept(model, by, reason, against_gate)))
    return 0


def _reject(lineage: str, model: str, by: str, reason: str) -> int:
    print(describe(Lineage(lineage).reject(model, by, reason)))
    return 0


def _rollback(lineage: str, by: str, reason: str, to: str | None) -> int:
    print(describe(Lineage(lineage).rollback(by, reason, to)))
    return 0


def _show(lineage: str) -> int:
    line = Lineage(lineage)
    current = line.current.model
    for card in line.cards():
        print(f'{"*" if card.model == current else " "} {describe(card)}')
    return 0


STEPS: dict[str, Callable[..., int]] = {
    'start': _start,
    'learn': _learn,
    'overnight': _overnight,
    'exam': _exam,
    'accept': _accept,
    'reject': _reject,
    'rollback': _rollback,
    'show': _show,
}


def _show_plan(line: Lineage, corrections: Corrections) -> None:
    found = plan(line, corrections)
    print(', '.join(f'{count} of {name}' for name, count in found.by_class.items()))
    if found.held_back:
        print(f'{len(found.held_back)} clips of the exam are left out')
    if found.new_classes:
        print(f'new classes: {", ".join(found.new_classes)}')


def _decide(line: Lineage, card: Card, by: str, accept: bool) -> int:
    if accept and card.passed:
        card = line.accept(card.model, by, 'the gate let it through')
    print(describe(card))
    for reason in card.reasons:
        print(f'  {reason}')
    return 0 if card.passed else 1


def describe(card: Card) -> str:
    """A model in a line."""
    made = f'{card.model}, {card.how}'
    if card.parents:
        made += f' from {", ".join(card.parents)}'
    decided = ''
    if card.decided:
        by, reason = card.decided.get('by') or 'somebody', card.decided.get('reason')
        decided = f' by {by} at {card.decided["time"]}' + (f' ({reason})' if reason else '')
    gate = '' if card.exam is None else '; gate passed' if card.passed else '; gate not passed'
    return f'{made}: {card.state}{decided}{gate}; data {card.data["fingerprint"]}'
