# A frozen image network and a ridge regression on what its features do in space and time: what
# carries over to cameras that training has not seen (docs/cameras.md). Needs the extra [imagenet].
model = dict(
    type='Recognizer3D',
    backbone=dict(type='FrameEncoder', cnn='efficientnet_lite0', stage=7, frozen=True),
    cls_head=dict(
        type='ClosedFormHead',
        num_classes=4,
        in_channels=320,
        # Without the cells' mean, which tells the place more than what happens.
        over_space=('max', 'deviation'),
        over_time=('mean', 'deviation', 'steps'),
        average_clips='prob',
    ),
    # The preprocessing of the image network's weights.
    data_preprocessor=dict(
        type='ActionDataPreprocessor',
        mean=[127.0, 127.0, 127.0],
        std=[128.0, 128.0, 128.0],
        format_shape='NCTHW',
    ),
)
