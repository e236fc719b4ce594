# The model of the 18 epochs, on windows that lie over long recordings as a detector's do. What
# tools/cut_windows.py writes lies beside the recordings: docs/detection.md.
_base_ = ['timesformer_divST-demo_scratch_1xb16-u8-18e_railway-yard-demo-rgb.py']

windows_root = '{{$RAILWAY_YARD_WINDOWS:data/railway_yard_windows}}'
train_dataloader = dict(
    dataset=dict(
        data_root=windows_root,
        ann_file='windows.csv',
        data_prefix=dict(_delete_=True, video='untrimmed'),
    )
)
train_cfg = dict(max_epochs=5, val_begin=5, val_interval=5)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        T_max=5,
        eta_min_ratio=0.01,
        begin=0,
        end=5,
        by_epoch=True,
        convert_to_iter_based=True,
    )
]
# Give load_from, the checkpoint of the 18 epochs.
default_hooks = dict(checkpoint=dict(interval=1, max_keep_ckpts=5))
