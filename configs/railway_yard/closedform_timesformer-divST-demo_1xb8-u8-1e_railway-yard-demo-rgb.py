# A trained TimeSformer gets a head that learns corrections at once (docs/continual.md): its own
# classifier goes, its tokens stay as they are. `make demo` trains the one that is named here;
# another: --cfg-options load_from=CHECKPOINT.
_base_ = ['timesformer_divST-demo_scratch_1xb8-u8-16e_railway-yard-demo-rgb.py']

load_from = 'work_dirs/demo/training/epoch_16.pth'
model = dict(
    backbone=dict(out_type='tokens'),
    cls_head=dict(_delete_=True, type='ClosedFormHead', num_classes=4, in_channels=64),
)
train_cfg = dict(_delete_=True, type='ClosedFormTrainLoop', max_epochs=1, val_begin=1)
optim_wrapper = dict(_delete_=True, type='OptimWrapper', optimizer=dict(type='SGD', lr=0.0))
param_scheduler = []
