# Any labelled videos on two CPU cores, in minutes: the demo's model and schedule, the best epoch
# kept. tools/prepare_dataset.py writes configs that inherit from this one.
_base_ = '../railway_yard/timesformer_divST-demo_scratch_1xb8-u8-16e_railway-yard-demo-rgb.py'

train_cfg = dict(val_begin=1, val_interval=1)
default_hooks = dict(
    checkpoint=dict(interval=1, save_best='acc/mean1'),
    # Its default wants 0.1 more, and would stop a training that still learns.
    early_stopping=dict(type='EarlyStoppingHook', monitor='acc/mean1', patience=8, min_delta=0.001),
)
