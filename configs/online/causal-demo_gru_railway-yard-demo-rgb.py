# A causal TimeSformer and a GRU over its frames: docs/streaming.md.
_base_ = [
    '../_base_/models/online_demo.py',
    '../_base_/detection/railway_yard.py',
    '../_base_/default_runtime.py',
]

detection = dict(
    dtype='float32',
    rules=dict(
        _delete_=True,
        smoothing='centred',
        smoothing_seconds=1.0,
        enter=0.6,
        leave=0.3,
        min_seconds=1.0,
        merge_gap_seconds=1.0,
        # What the model says two seconds later of what was: docs/streaming.md.
        lookback_seconds=2.0,
    ),
)
