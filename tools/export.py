"""Write a trained model as a file for another runtime: ONNX, or a package of compiled code.

The file takes raw RGB pixels and gives calibrated probabilities; `tools/detect.py` takes it in
place of the checkpoint. It is compared with the model and appears only if both agree.

    python tools/export.py CONFIG CHECKPOINT --out model.onnx
    python tools/export.py CONFIG CHECKPOINT --out model_int8.onnx --int8 static
    python tools/export.py CONFIG CHECKPOINT --out model.pt2
"""

import argparse
import sys

from data_analysis.inputs.config_options import ConfigOptions
from video_clips.commands import DONE, FAILED, in_a_line, run_command


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help="the model's config")
    parser.add_argument('checkpoint', help='the trained weights')
    parser.add_argument('--out', required=True, metavar='FILE', help='ends in .onnx or .pt2')
    parser.add_argument(
        '--int8', choices=('dynamic', 'static'), help='quantize the weights (.onnx)'
    )
    parser.add_argument(
        '--calibration-clips',
        type=int,
        default=64,
        metavar='N',
        help='training clips to measure activations on, for static (%(default)s)',
    )
    parser.add_argument(
        '--image-size',
        nargs=2,
        type=int,
        metavar=('HEIGHT', 'WIDTH'),
        help='of frames, where the pipeline lets it depend on the video',
    )
    parser.add_argument('--device', default='cpu', help='what a .pt2 is compiled for (%(default)s)')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=ConfigOptions,
        metavar='KEY=VALUE',
        help='replace values of the config',
    )
    return parser.parse_args()


def main() -> int:
    """Export one file."""
    options = vars(parse_args())
    if options['image_size']:
        options['image_size'] = tuple(options['image_size'])
    import mmaction_timesformer  # noqa: F401  (mends the stack first)
    from mmaction_timesformer.inference.exporting.export import ExportOptions, export
    from mmaction_timesformer.inference.exporting.verification import DisagreementError

    try:
        config, checkpoint, out = map(options.pop, ('config', 'checkpoint', 'out'))
        print(export(config, checkpoint, out, ExportOptions(**options)))
    except DisagreementError as error:
        print(f'error: {in_a_line(error)}', file=sys.stderr)
        return FAILED
    return DONE


if __name__ == '__main__':
    sys.exit(run_command(main))
