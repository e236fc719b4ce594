"""Every tool as a subcommand of ``python -m mmaction_timesformer``.

The tools are files of their own. They and the configs stand beside the package in a checkout, and
in an installed wheel inside it, in ``.mim``, where OpenMMLab's ``mim`` looks for them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

PROGRAM = 'python -m mmaction_timesformer'

# Subcommands in the order of use: the file in tools/, and the purpose in a line.
COMMANDS = {
    'analyze': ('analyze_dataset.py', 'measure, check and report a video dataset'),
    'prepare': ('prepare_dataset.py', 'divide videos into train, val and test; write a config'),
    'cache': ('cache_dataset.py', "copy a dataset's videos so that they load faster"),
    'pretrain': ('pretrain.py', 'learn from videos without labels, before training'),
    'train': ('train.py', 'train a recognizer'),
    'test': ('test.py', 'test a checkpoint'),
    'calibrate': ('calibrate.py', 'fit a temperature on validation clips'),
    'predict': ('predict.py', 'classify videos'),
    'results': ('analyze_results.py', 'make a page of results, or compare runs'),
    'explain': ('visualize_attention.py', 'show what a model looks at in videos'),
    'embeddings': ('visualize_embeddings.py', "show clips as a model's features see them"),
    'detect': ('detect.py', 'find events in recordings and live streams'),
    'serve': ('serve.py', 'pages to try, watch, review, label and learn'),
    'evaluate-events': ('evaluate_events.py', 'compare found events with annotated ones'),
    'continue': ('continue_training.py', 'learn corrections, judge and take over the new model'),
    'study': ('study.py', 'compare recipes, each camera left out in turn'),
    'extract-features': ('extract_features.py', 'features of untrimmed recordings'),
    'train-online': ('train_online.py', 'train the head of an online model'),
    'train-online-backbone': ('train_online_backbone.py', 'train a causal backbone on recordings'),
    'export': ('export.py', 'write a model as ONNX or as a compiled package'),
    'convert': ('convert_checkpoint.py', 'convert weights between libraries, or list public ones'),
}
CONFIGS = 'configs'
HELP = ('-h', '--help')


def main(arguments: Sequence[str]) -> int:
    """Run a subcommand.

    Args:
        arguments: Its name and its own arguments.

    Returns:
        The exit code; that of a tool that exits by itself is raised as SystemExit.
    """
    name, *rest = arguments or HELP[:1]
    if name in HELP:
        print(overview())
        return 0
    if name == CONFIGS:
        return list_configs(rest)
    if name not in COMMANDS:
        choices = ', '.join([*COMMANDS, CONFIGS])
        print(f'error: {name!r} is not a subcommand; choose from {choices}', file=sys.stderr)
        return 2
    tool = shipped('tools') / COMMANDS[name][0]
    _run(tool, f'{PROGRAM} {name}', rest)
    return 0


def overview() -> str:
    """The subcommands with their purposes."""
    purposes = {name: purpose for name, (_, purpose) in COMMANDS.items()}
    purposes[CONFIGS] = 'list the configs that come with the package'
    lines = [f'  {name:<16} {purpose}' for name, purpose in purposes.items()]
    return '\n'.join(
        [f'usage: {PROGRAM} SUBCOMMAND ...', '', *lines, '', 'SUBCOMMAND --help says more.']
    )


def list_configs(words: Sequence[str]) -> int:
    """Print the paths of the shipped configs, of those whose path has all of some words."""
    if set(words) & set(HELP):
        print(f'usage: {PROGRAM} {CONFIGS} [WORD ...]\n\nlists configs whose path has all words')
        return 0
    folder = shipped('configs')
    for file in sorted(folder.rglob('*.py')):
        path = file.relative_to(folder)
        if path.parts[0] != '_base_' and all(word in str(path) for word in words):
            print(file)
    return 0


def shipped(folder: str) -> Path:
    """``tools`` or ``configs``: inside the installed package, or beside it in a checkout.

    Raises:
        FileNotFoundError: Neither is there.
    """
    package = Path(__file__).parent
    places = (package / '.mim' / folder, package.parent / folder)
    for place in places:
        if place.is_dir():
            return place
    raise FileNotFoundError(f'neither {places[0]} nor {places[1]} exists: install the package anew')


def _run(tool: Path, program: str, arguments: Sequence[str]) -> None:
    """Run a file as the main program, whose help names the subcommand.

    Not by ``runpy``, which gives the program the file's name.
    """
    spec = spec_from_file_location('__main__', tool)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    module.__spec__ = None  # so have programs that are files
    if not hasattr(sys.modules['mmaction_timesformer'], 'models'):
        del sys.modules['mmaction_timesformer']  # what `python -m` imported is the door alone
    before = sys.argv, sys.modules['__main__']
    sys.argv, sys.modules['__main__'] = [program, *arguments], module
    try:
        spec.loader.exec_module(module)
    finally:
        sys.argv, sys.modules['__main__'] = before
