"""``report.html``: the facts of one run or several as a page that loads nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from data_analysis.report.html import picture_url, png_url, render_page
from data_analysis.report.tables import Table
from mmaction_timesformer.evaluation.metric_tables import ONE_RECORDING
from mmaction_timesformer.reports.results import tables as tables
from mmaction_timesformer.reports.results.charts import Chart
from mmaction_timesformer.reports.results.map_check import LIKE_NOTHING

Facts = Mapping[str, Any]
CHART_ZOOM = 104
"""CSS pixels per inch of a chart: a little above 96, so that its text has the page's size."""
ENOUGH_RECALL = 0.8
"""The page is green if the interval of the worst class's recall lies above this."""


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    name: str
    title: str
    intro: str = ''
    tables: Sequence[Table] = ()
    lists: Sequence[Mapping[str, Any]] = ()
    folded: Sequence[Mapping[str, str]] = ()
    charts: Sequence[Mapping[str, Any]] = field(default_factory=list)


def render_results(
    facts: Facts, charts: Sequence[Chart], pictures: Mapping[str, Image.Image]
) -> str:
    """The page.

    Args:
        facts: See :func:`.result_facts.result_facts`.
        charts: Drawn from them.
        pictures: Strips of the examples, by the examples' ``picture``.
    """
    sections = [
        Section(**{**vars(section), 'charts': _shown(charts, section.name)})
        for section in _sections(facts)
    ]
    return render_page(
        Path(__file__).parents[1] / 'templates' / 'results.html.j2',
        title=' and '.join(run['name'] for run in facts['runs']),
        source_lines=[f'{run["config_name"]}, predictions {run["dump"]}' for run in facts['runs']],
        cards=_cards(facts),
        verdict=_verdict(facts),
        sections=sections,
        examples=_examples(facts, pictures),
        footer=f'Made {facts["made"]} by {facts["made_by"]}.',
    )


def _sections(facts: Facts) -> list[Section]:
    first = facts['runs'][0]
    sections = [
        Section(
            'figures',
            'How good it is',
            _trust(first),
            tables.present([tables.overall_table(facts), tables.cost_table(facts)]),
        ),
        Section(
            'classes',
            'Class by class',
            tables=[
                *(tables.class_table(facts, run) for run in facts['runs']),
                *tables.present([tables.confusion_list(first, facts['classes'])]),
            ],
        ),
    ]
    if facts['comparisons']:
        sections.append(_comparison_section(facts['comparisons']))
    if facts['examples']:
        sections.append(
            Section(
                'examples',
                'Mistakes and close calls',
                'The mistakes that it was surest of, then the hits that it was least sure of. '
                'Below each frame lies what raised the class that the model chose; the bar is the '
                'frame’s share of that.',
            )
        )
    if facts['faithfulness']:
        sections.append(_maps_section(facts))
    sections.append(
        Section('calibration', 'How far a probability can be trusted', _calibration_sentence(first))
    )
    sections.append(
        Section(
            'thresholds',
            'Choosing a threshold',
            'A class is reported wherever its probability reaches the threshold. False alarms: '
            'reports on clips of other classes, and their share of those clips. Among the rows are '
            'the thresholds that find 90, 95 and 99 % of these clips; of others they will find '
            'somewhat less.',
            tables.threshold_tables(facts, first),
        )
    )
    if condition_tables := tables.condition_tables(first):
        sections.append(Section('conditions', 'When it is right', tables=condition_tables))
    if any(run['curves']['train'] or run['curves']['val'] for run in facts['runs']):
        sections.append(Section('training', 'Training'))
    sections.append(_making_section(facts))
    return sections


def _maps_section(facts: Facts) -> Section:
    checked = facts['faithfulness']
    intro = (
        f'Checked on {_plural(checked["num_clips"], "clip")} that the model has right, the surest '
        'of each class. While patches are hidden, the most relevant first, the probability should '
        'be lower than when they are hidden at random; while they are shown in that order, higher. '
    )
    alike = [name for name, row in checked['by_class'].items() if row['empty'] >= LIKE_NOTHING]
    if alike:
        intro += (
            f'A clip with everything hidden counts as {" or ".join(alike)}: hiding cannot show '
            'what speaks for that, so it is left out of the chart.'
        )
    table = tables.faithfulness_table(facts)
    return Section('maps', 'Can the maps be trusted', intro, tables.present([table]))


def _comparison_section(comparisons: Sequence[Facts]) -> Section:
    lists = []
    for comparison in comparisons:
        for key, name in (('only_first_right', 'first'), ('only_second_right', 'second')):
            clips = comparison[key]
            title = f'Only {comparison[name]} is right on {_plural(len(clips), "clip")}'
            lists.append({'title': title, 'items': clips})
    sentences = [
        f'{c["second"]} against {c["first"]}: McNemar’s exact test gives p = {c["mcnemar_p"]:.3g} '
        '(it takes clips for independent; the intervals do not).'
        for c in comparisons
    ]
    return Section(
        'comparison',
        'Which run is better',
        'Both are measured on the same clips and resampled together. ' + ' '.join(sentences),
        [tables.comparison_table(comparison) for comparison in comparisons],
        lists,
    )


def _making_section(facts: Facts) -> Section:
    folded = [{'title': f'Config of {run["name"]}', 'text': run['config']} for run in facts['runs']]
    made = [table for run in facts['runs'] if (table := tables.record_table(run)) is not None]
    intro = '' if made else 'The runs left no record; RunRecordHook in a config writes one.'
    return Section('making', 'How it was made', intro, made, folded=folded)


def _trust(run: Facts) -> str:
    figures = run['figures']
    top1 = figures['whole']['top1']
    if figures['resampled'] == 'recordings' and figures['num_groups'] < 2:
        return f'{_plural(figures["num_clips"], "clip")}, {ONE_RECORDING}'
    sentence = (
        f'{_plural(figures["num_clips"], "clip")}; the 95 % intervals resample '
        f'{_plural(figures["num_groups"], figures["resampled"][:-1])}'
    )
    if figures['resampled'] == 'clips':
        sentence += ' (no recordings are known, and clips of one recording would count too much)'
    if top1['low'] is None:
        return f'{sentence}. Too few to tell how far the figures can be trusted.'
    half = 50 * (top1['high'] - top1['low'])
    return f'{sentence}. A difference below about {half:.0f} points of accuracy can be chance.'


def _calibration_sentence(run: Facts) -> str:
    error = run['figures']['whole']['calibration_error']['value']
    left = run['temperature_left']
    sentence = f'Confidence and accuracy differ by {100 * error:.1f} points on average. '
    if 0.8 <= left <= 1.25:
        return sentence + f'A temperature of {left:.2f} would fit these clips best: close to 1.'
    direction = 'too sure of itself' if left > 1 else 'less sure than it could be'
    return (
        sentence + f'The model is {direction}: a temperature of {left:.2f} would fit these clips '
        'best. Fit it on validation clips with tools/calibrate.py, not on these.'
    )


def _cards(facts: Facts) -> list[dict[str, str]]:
    figures = facts['runs'][0]['figures']
    whole = figures['whole']
    cards = [
        ('top-1 accuracy', f'{whole["top1"]["value"]:.1%}'),
        ('mean-class accuracy', _share(whole['mean_class_accuracy']['value'])),
        ('macro F1', _number(whole['macro_f1']['value'])),
        ('mean average precision', _number(whole['mean_average_precision']['value'])),
        ('calibration error', _number(whole['calibration_error']['value'])),
        ('clips', f'{figures["num_clips"]:,}'),
    ]
    if figures['resampled'] == 'recordings':
        cards.append(('recordings', f'{figures["num_groups"]:,}'))
    return [{'name': name, 'number': number} for name, number in cards]


def _verdict(facts: Facts) -> dict[str, str]:
    """The accuracy, the class that is worst, and how further runs compare, with intervals."""
    run = facts['runs'][0]
    figures = run['figures']
    recalls = {
        name: of_class['recall']
        for name, of_class in figures['per_class'].items()
        if of_class['recall']['value'] is not None
    }
    worst = min(recalls, key=lambda name: recalls[name]['value'])
    whose = f'{run["name"]}: ' if facts['comparisons'] else ''
    text = (
        f'{whose}{_with_limits(figures["whole"]["top1"])} of the clips are right. The class found '
        f'least often is {worst}, {_with_limits(recalls[worst])} of its '
        f'{_plural(figures["support"][worst], "clip")}.'
    )
    for comparison in facts['comparisons']:
        text += ' ' + difference_sentence(comparison)
    least = recalls[worst]['value'] if recalls[worst]['low'] is None else recalls[worst]['low']
    return {'severity': 'good' if least >= ENOUGH_RECALL else 'warning', 'text': text}


def difference_sentence(comparison: Facts) -> str:
    """Whether a further run is better, and how sure that is."""
    if not comparison['only_first_right'] and not comparison['only_second_right']:
        return f'{comparison["second"]} has the same clips right.'
    change = comparison['differences']['top1']
    sentence = (
        f'{comparison["second"]} differs by {100 * change["difference"]:+.1f} points of accuracy'
    )
    if change['low'] is None:
        return (
            f'{sentence}; too few recordings for an interval, McNemar’s '
            f'p = {comparison["mcnemar_p"]:.3g}.'
        )
    low, high = 100 * change['low'], 100 * change['high']
    sure = '' if low > 0 or high < 0 else ', which can be chance'
    return f'{sentence} (95 %: {low:+.1f} to {high:+.1f}){sure}.'


def _with_limits(of: Facts) -> str:
    between = '' if of['low'] is None else f' (95 %: {of["low"]:.1%} to {of["high"]:.1%})'
    return f'{of["value"]:.1%}{between}'


def _examples(facts: Facts, pictures: Mapping[str, Image.Image]) -> list[dict[str, Any]]:
    shown = []
    for example in facts['examples']:
        picture = pictures.get(example['picture'])
        shown.append({**example, 'data': None, 'reason': example.get('reason', '')})
        if picture is not None:
            shown[-1] |= {
                'data': picture_url(picture),
                'width': picture.width,
                'height': picture.height,
            }
    return shown


def _shown(charts: Sequence[Chart], section: str) -> list[dict[str, Any]]:
    shown = []
    for chart in charts:
        if chart.section == section:
            width, height = chart.figure.get_size_inches() * CHART_ZOOM
            shown.append(
                {
                    'name': chart.name,
                    'title': chart.title,
                    'sentence': chart.sentence,
                    'data': png_url(chart.png),
                    'width': round(width),
                    'height': round(height),
                }
            )
    return shown


def _plural(count: int, noun: str) -> str:
    return f'{count:,} {noun}' if count == 1 else f'{count:,} {noun}s'


def _share(value: float | None) -> str:
    return '–' if value is None else f'{value:.1%}'


def _number(value: float | None) -> str:
    return '–' if value is None else f'{value:.3f}'
