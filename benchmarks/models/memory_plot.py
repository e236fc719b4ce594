"""The picture of the memory record: what the paper's Figure 3 shows, and memory beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use('Agg')
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

STYLES = {
    'space_only': dict(color='tab:gray', label='space only'),
    'divided_space_time': dict(color='tab:red', label='divided'),
    'axial': dict(color='tab:green', label='axial'),
    'sparse_local_global': dict(color='tab:purple', label='local-global'),
    'joint_space_time': dict(color='tab:blue', label='joint'),
    "mmaction2's joint": dict(color='black', label="mmaction2's joint", linestyle='--'),
}
AXES = {
    'img_size': ('pixels, 8 frames', 'num_frames', 8),
    'num_frames': ('frames, 224 pixels', 'img_size', 224),
}


def draw(results: dict[str, Any], file: Path, card_gib: int) -> None:
    """Draw FLOPs, time and memory against resolution (above) and frames (below).

    Args:
        results: Of the memory record.
        file: The PNG to write.
        card_gib: A card's memory, drawn as a line.
    """
    figure, grid = plt.subplots(2, 3, figsize=(11, 6.2), constrained_layout=True)
    for row, (x, (label, fixed, value)) in zip(grid, AXES.items(), strict=True):
        counted = [r for r in results['counted'] if r[fixed] == value]
        timed = [r for r in results['seconds'] if r[fixed] == value]
        for scheme, style in STYLES.items():
            own = [r for r in counted if r['scheme'] == scheme]
            clock = [r for r in timed if r['scheme'] == scheme]
            sizes = [r[x] for r in own]
            if clock:
                row[0].plot(sizes, [r['flops'] / 1e12 for r in own], marker='.', **style)
                row[1].plot(
                    [r[x] for r in clock], [r['seconds'] for r in clock], marker='.', **style
                )
            in_all = [(r['weight_bytes'] + r['activation_bytes']) / 2**30 for r in own]
            row[2].plot(sizes, in_all, marker='.', **style)
        titles = ('TFLOPs, forward', 'seconds, 12 blocks, 2 CPU cores', 'GiB, a step with AdamW')
        for axes, title in zip(row, titles, strict=True):
            axes.set(title=title, xlabel=label, yscale='log')
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter('{x:g}')
            axes.yaxis.set_minor_formatter(NullFormatter())
            axes.grid(alpha=0.3)
        _draw_limit(row[2], card_gib)
    handles, labels = grid[0, 2].get_legend_handles_labels()
    figure.legend(handles, labels, loc='outside lower center', ncols=6, fontsize=8)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=90)
    plt.close(figure)


def _draw_limit(axes: Axes, card_gib: int) -> None:
    axes.axhline(card_gib, color='orange', linewidth=1)
    axes.annotate(
        f'{card_gib} GiB card', (1, card_gib), xycoords=('axes fraction', 'data'), ha='right',
        va='bottom', fontsize=8,
    )  # fmt: skip
