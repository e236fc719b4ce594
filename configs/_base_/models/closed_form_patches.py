# A dictionary of the training clips' own patches and a ridge regression on how frames match it,
# over space and time: without ImageNet weights (docs/cameras.md).
model = dict(
    type='Recognizer3D',
    backbone=dict(type='PatchEncoder', num_entries=256),
    cls_head=dict(
        type='ClosedFormHead',
        num_classes=4,
        in_channels=256,
        over_space=('max', 'deviation'),
        over_time=('mean', 'deviation', 'steps'),
        average_clips='prob',
    ),
    # Patches are normalised one by one.
    data_preprocessor=dict(
        type='ActionDataPreprocessor',
        mean=[0.0, 0.0, 0.0],
        std=[1.0, 1.0, 1.0],
        format_shape='NCTHW',
    ),
)
