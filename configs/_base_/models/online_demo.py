# Frames 0.25 s apart, each computed once: small enough for one CPU core. See docs/streaming.md.
classes = ('Track-Excavator', 'Bucket-Worker', 'Cabin-Worker', 'Other')
frame_seconds = 0.25
model = dict(
    type='OnlineRecognizer',
    backbone=dict(
        type='TimeSformerBackbone',
        img_size=(80, 112),
        patch_size=16,
        embed_dims=64,
        num_heads=2,
        num_transformer_layers=4,
        attention_type=dict(
            type='causal_divided_space_time', window=8, frame_seconds=frame_seconds
        ),
        drop_path_rate=0.0,
        pos_init_std=1.5,
    ),
    # A fixed camera's background is the mean of what it has shown: what is left is what moves.
    motion=dict(type='RunningMotion', background_frames=120),
    head=dict(
        type='RecurrentActionHead',
        num_classes=4,
        frame_seconds=frame_seconds,
        hidden_dims=128,
        # What was two and four seconds ago is better known than what is.
        horizons=(-4.0, -2.0, 1.0, 2.0, 4.0, 8.0),
    ),
)
# What happens to a picture of a stream.
val_pipeline = [
    dict(type='OpenVideo'),
    dict(type='SampleClip', clip_len=1, span_seconds=frame_seconds),
    dict(type='DecodeFrames'),
    dict(type='Resize', scale=(112, 80), keep_ratio=False),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs'),
]
