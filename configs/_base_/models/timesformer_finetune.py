# A small set: smooth labels, and clips that are blended with each other.
_base_ = './timesformer.py'

model = dict(
    cls_head=dict(num_classes=4, label_smooth_eps=0.1),
    data_preprocessor=dict(
        blending=dict(
            type='RandomBatchAugment',
            augments=[
                dict(type='MixupBlending', alpha=0.8, num_classes=4),
                dict(type='CutmixBlending', alpha=1.0, num_classes=4),
            ],
        )
    ),
)
