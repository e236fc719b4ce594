# From clips to danger events; see docs/detection.md. `tools/evaluate_events.py --tune` writes rules
# that fit a model and a yard.
detection = dict(
    pipeline='val_pipeline',
    # 8 frames at interval 32 of 25 a second are windows of 10.24 s.
    clip_fps=25.0,
    # The distance of a window's frames, so that each window needs one new frame.
    hop_seconds=1.28,
    batch_size=8,
    dtype='auto',
    rules=dict(
        smoothing='ema',
        smoothing_seconds=2.0,
        enter=0.6,
        leave=0.4,
        min_seconds=2.0,
        merge_gap_seconds=2.0,
        cooldown_seconds=0.0,
        widen_seconds=0.0,
    ),
    # Every class but Other.
    dangers={'Track-Excavator': {}, 'Bucket-Worker': {}, 'Cabin-Worker': {}},
)
