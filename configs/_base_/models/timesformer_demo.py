# Small enough to learn from nothing on two CPU cores.
model = dict(
    type='Recognizer3D',
    backbone=dict(
        type='TimeSformerBackbone',
        num_frames=8,
        img_size=(80, 112),
        patch_size=16,
        embed_dims=64,
        num_heads=2,
        num_transformer_layers=4,
        attention_type='divided_space_time',
        drop_path_rate=0.0,
        pos_init_std=1.5,
    ),
    cls_head=dict(type='TimeSformerClsHead', num_classes=4, in_channels=64, average_clips='prob'),
    # A fixed camera's background is its median over time: what is left is what moves.
    data_preprocessor=dict(type='MotionDataPreprocessor'),
)
