# The same features, read by an encoder-decoder with minutes of memory: docs/streaming.md.
_base_ = ['causal-demo_gru_railway-yard-demo-rgb.py']

model = dict(
    head=dict(
        _delete_=True,
        type='MemoryActionHead',
        num_classes=4,
        frame_seconds=0.25,
        # Rendered recordings are 100 s long; by default it is ten minutes.
        memory_seconds=90.0,
        horizons=(-4.0, -2.0, 1.0, 2.0, 4.0, 8.0),
    )
)
