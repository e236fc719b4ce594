# arXiv 2102.05095, Sec. 4: 15 epochs of SGD, a tenth of the rate at epochs 11 and 14, batch 16.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=15, val_begin=1, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.005, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [
    dict(type='MultiStepLR', begin=0, end=15, by_epoch=True, milestones=[11, 14], gamma=0.1)
]

# 8 GPUs x 2 clips. The authors' own runs had 64 clips at the same rate.
auto_scale_lr = dict(enable=False, base_batch_size=16)
