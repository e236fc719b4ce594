# No gradients: an epoch is a view of every clip, and after it the head is solved for.
train_cfg = dict(type='ClosedFormTrainLoop', max_epochs=3, val_begin=3)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

# The runner wants one; it takes no step.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.0))
param_scheduler = []

auto_scale_lr = dict(enable=False, base_batch_size=8)
