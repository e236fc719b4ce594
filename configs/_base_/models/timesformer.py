model = dict(
    type='Recognizer3D',
    backbone=dict(
        type='TimeSformerBackbone',
        arch='base',
        num_frames=8,
        img_size=224,
        patch_size=16,
        attention_type='divided_space_time',
        drop_path_rate=0.1,
    ),
    cls_head=dict(
        type='TimeSformerClsHead',
        num_classes=400,
        in_channels=768,
        average_clips='prob',
    ),
    # 0.45 and 0.225 of 255: what the published TimeSformer weights were trained with.
    data_preprocessor=dict(
        type='ActionDataPreprocessor',
        mean=[114.75, 114.75, 114.75],
        std=[57.375, 57.375, 57.375],
        format_shape='NCTHW',
    ),
)
