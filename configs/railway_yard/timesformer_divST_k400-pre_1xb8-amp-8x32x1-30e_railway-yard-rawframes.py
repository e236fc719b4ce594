_base_ = [
    '../_base_/models/timesformer.py',
    '../_base_/datasets/railway_yard_rawframes_8x32x1_224.py',
    '../_base_/schedules/adamw_30e_finetune.py',
    '../_base_/default_runtime.py',
]

# A TimeSformer trained on Kinetics-400, in any layout that the project reads.
load_from = 'checkpoints/timesformer_divST_8x32x1_kinetics400.pth'

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
default_hooks = dict(checkpoint=dict(save_best='acc/mean1'))
