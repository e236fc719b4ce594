"""The table of everything that can be wrong with a video dataset, each with its weight and cure.

What the terminal, `problems.csv` and the report say about a code comes from here. The codes are
stable: `--fail-on` and continuous integration depend on them.
"""

from __future__ import annotations

from dataclasses import dataclass

SEVERITIES = ('error', 'warning', 'info')
"""`error`: the clip cannot be used, or a result would be false. `warning`: it will probably cost
accuracy. `info`: worth knowing when something else goes wrong."""


@dataclass(frozen=True)
class ProblemCode:
    """One kind of problem.

    Attributes:
        severity: One of `SEVERITIES`.
        title: What is wrong, for a headline.
        advice: What it does to training, and what to do about it.
    """

    severity: str
    title: str
    advice: str


PROBLEM_CODES: dict[str, ProblemCode] = {
    # Files
    'missing': ProblemCode(
        'error',
        'File is missing',
        'The annotation names a file that is not there. Correct the path or the prefix, or drop '
        'the line: a data loader stops, or silently trains on fewer clips.',
    ),
    'empty': ProblemCode(
        'error',
        'File has no bytes',
        'The copy or the download broke off. Fetch the file again or drop it.',
    ),
    'unreadable': ProblemCode(
        'error',
        'File cannot be opened as a video',
        'No decoder can use it. Fetch it again, re-encode it or drop it.',
    ),
    'timed_out': ProblemCode(
        'error',
        'Reading did not end within the time limit',
        'A data loader would hang on this file for ever. Re-encode it or drop it; raise '
        '--timeout if the file is merely long.',
    ),
    'crashed': ProblemCode(
        'error',
        'Reading crashed the decoder',
        'A data loader worker would die without a message. Drop the file.',
    ),
    'no_video_stream': ProblemCode(
        'error',
        'File has no video stream, or an empty one',
        'It holds audio or something else. Drop it or fetch the right file.',
    ),
    'truncated': ProblemCode(
        'error',
        'Container promises more than the file holds',
        'The end is missing. A sampler that trusts the header asks for frames that do not exist. '
        'Fetch the file again, or remux it so that the header tells the truth.',
    ),
    'undecodable_frames': ProblemCode(
        'error',
        'Frames in the middle cannot be decoded',
        'The data loader fails when it samples that part, so training breaks off after hours. '
        'Re-encode the good part or drop the file.',
    ),
    'frame_count_differs': ProblemCode(
        'warning',
        'Fewer frames decode than the file has packets',
        'The last frame that a sampler may ask for does not exist (packed B-frames and cut files '
        'do this). Re-encode, or sample by what decodes.',
    ),
    'damaged_frames': ProblemCode(
        'warning',
        'Decoder marks frames as damaged',
        'Parts of the picture are guesses: grey, smeared, or from another frame. No reader stops, '
        'and the model learns from them. Fetch the file again, or cut the damaged part away.',
    ),
    'starts_between_keyframes': ProblemCode(
        'warning',
        'Clip does not start on a keyframe',
        'The first frames cannot be decoded or are smeared. Cut again on a keyframe, or re-encode.',
    ),
    'rotated': ProblemCode(
        'warning',
        'Header asks for a rotation',
        'Decord and OpenCV turn the picture, a plain PyAV or FFmpeg-library loop does not: the '
        'same clip lies on its side in one of them. Re-encode upright.',
    ),
    'mirrored': ProblemCode(
        'warning',
        'Header asks for a mirrored picture',
        'Players and this package mirror it; many readers do not, or turn it upside down. '
        'Re-encode it as it is shown.',
    ),
    'header_size_differs': ProblemCode(
        'warning',
        'Header and stream have different picture sizes',
        'This package goes by the stream. Readers that go by the header squash the picture or '
        'refuse the file. Remux it.',
    ),
    'non_square_pixels': ProblemCode(
        'warning',
        'Pixels are not square',
        'Players scale the picture to its true shape, most readers do not. This package does from '
        '1.5 times on, and everywhere with `square_pixels="all"`. Re-encode with square pixels.',
    ),
    'interlaced': ProblemCode(
        'warning',
        'Frames are interlaced',
        'Each frame holds two moments in alternate lines, so what moves has combed edges. '
        'Deinterlace when making copies (FFmpeg: -vf yadif).',
    ),
    'variable_frame_rate': ProblemCode(
        'warning',
        'Frames are unevenly spaced in time',
        'A fixed frame interval then means another time span in each part of the clip. Sample by '
        'seconds, or convert to a constant rate.',
    ),
    'disordered_timestamps': ProblemCode(
        'warning',
        'Timestamps are missing or repeat',
        'Seeking by time lands on the wrong frame. Remux or re-encode the file.',
    ),
    'black': ProblemCode(
        'warning',
        'Picture is black',
        'Nothing can be learned from it but the label of darkness. Drop it or cut the black part '
        'away.',
    ),
    'frozen': ProblemCode(
        'warning',
        'Picture stands still',
        'The camera or the recorder hung: the clip has one frame, many times. For a class that '
        'lives from movement it is a wrong example.',
    ),
    'odd_first_frame': ProblemCode(
        'warning',
        'First frame differs from all others',
        "Another shape, brightness or scene (a camera's start, a cut too early). Every sample "
        'that begins at frame 0 shows it: sample from frame 1, or cut it off.',
    ),
    'tiny_picture': ProblemCode(
        'warning',
        'Picture is smaller than a patch grid needs',
        'Enlarging it invents nothing. Drop it, or fetch a better copy.',
    ),
    'several_video_streams': ProblemCode(
        'info',
        'File holds several video streams',
        'Readers choose differently (the first, the largest, the default one). Keep one stream.',
    ),
    'no_frame_count': ProblemCode(
        'info',
        'Header has no frame count',
        'Usual for Matroska, WebM and MPEG streams. Readers that trust the header guess from '
        'duration times frame rate and may ask for a frame past the end.',
    ),
    'no_duration': ProblemCode(
        'info',
        'Header has no duration',
        'Some readers refuse such a file. Remux it once.',
    ),
    'unusual_pixel_format': ProblemCode(
        'info',
        'Pixels are not plain 8-bit colours',
        'More than eight bits, or transparency: readers convert it differently or drop it, and '
        'many hardware decoders refuse. Re-encode to yuv420p.',
    ),
    'unreadable_metadata': ProblemCode(
        'info',
        'Text in the header is not UTF-8',
        'PyAV refuses such a file unless it is told not to mind. Remux without metadata.',
    ),
    'unsupported_by_decoder': ProblemCode(
        'error',
        "The config's decoder cannot read the file",
        'FFmpeg reads it, the decoder that the config names does not. Choose another decoder or '
        're-encode.',
    ),
    # Labels
    'label_outside_classes': ProblemCode(
        'error',
        'Label is not one of the classes',
        'Training stops with an index error, or trains a class that does not exist. Correct the '
        'annotation or the class list.',
    ),
    'class_absent': ProblemCode(
        'error',
        'A split has no clip of a class',
        'A class that is not in train cannot be learned; one that is not in val or test is not '
        'measured, and a mean over classes is then a mean over fewer.',
    ),
    'few_samples': ProblemCode(
        'warning',
        'A class has few clips',
        'In train it will hardly be learned; in val or test one clip more or less moves its '
        'recall by many points. Collect more, or report it with its interval.',
    ),
    'imbalance': ProblemCode(
        'warning',
        'Classes are imbalanced',
        'Accuracy rewards the large class. Watch the mean class accuracy and use the class '
        'weights of this report or a class-balanced loss.',
    ),
    # Sampling
    'too_short': ProblemCode(
        'warning',
        'Clip is shorter than the sampler wants',
        "mmaction2's SampleFrames loops such a clip by default, so that frames come out of order "
        'in time; repeat_last shows its last frame again and again; error refuses it. Use a '
        'smaller interval, or SampleClip with shrink_interval.',
    ),
    'shown_faster': ProblemCode(
        'info',
        'Short clips are sampled with a smaller interval',
        'The sampler takes their frames closer together, so that movement looks slower there '
        'than in long clips. Sample by seconds or with a smaller interval if speed matters.',
    ),
    'mixed_frame_rates': ProblemCode(
        'warning',
        'Frame rates differ between files',
        'A fixed frame interval covers another time span in each file, so the same movement has '
        'another speed. Sample by seconds.',
    ),
    # Duplicates
    'byte_identical': ProblemCode(
        'warning',
        'The same bytes under several names',
        'The clip counts twice. Keep one of them.',
    ),
    'listed_twice': ProblemCode(
        'warning',
        'A split lists the same clip more than once',
        'It counts as often as it is listed. Drop the lines that repeat it.',
    ),
    'contradictory_labels': ProblemCode(
        'error',
        'The same clip has different labels',
        'One of them is wrong, and the model is punished either way. Look at the clip and decide.',
    ),
    'near_identical': ProblemCode(
        'info',
        'Clips that look the same',
        'The same scene at nearly the same moment: fewer independent examples than the count says.',
    ),
    # Leakage
    'clip_in_two_splits': ProblemCode(
        'error',
        'The same clip lies in two splits',
        'The model is tested on what it has seen; the score is too high. Remove it from one of '
        'them.',
    ),
    'recording_in_two_splits': ProblemCode(
        'error',
        'One recording lies in two splits',
        'Clips of one recording share scene, light and people. The score on such a split says '
        'nothing about a new recording. Split by recording: tools/prepare_dataset.py does.',
    ),
    'near_identical_across_splits': ProblemCode(
        'warning',
        'Clips that look the same lie in two splits',
        'A twin in train gives the answer away. Split by recording or by scene.',
    ),
    'leakage_alarm': ProblemCode(
        'error',
        'A nearest neighbour on thumbnails solves the split',
        'Many clips have a look-alike in train, and copying its label is right far more often '
        'than chance. A model can do the same, and its score will not hold on a new scene. Split '
        'by recording or by scene.',
    ),
    # Metadata
    'metadata_reveals_label': ProblemCode(
        'warning',
        'File properties give the label away',
        'Length, size or frame rate predict the class without looking at the picture. The model '
        'can learn this shortcut (through looping, resizing artefacts, motion speed). Record all '
        'classes alike, or make them alike before training.',
    ),
}
