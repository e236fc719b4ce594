_base_ = [
    '../_base_/models/timesformer_finetune.py',
    '../_base_/datasets/railway_yard_8x32x1_224.py',
    '../_base_/schedules/adamw_30e_finetune.py',
    '../_base_/default_runtime.py',
]

# A TimeSformer trained on Kinetics-400, in any layout that the project reads.
load_from = 'checkpoints/timesformer_divST_8x32x1_kinetics400.pth'
default_hooks = dict(checkpoint=dict(save_best='acc/mean1'))
