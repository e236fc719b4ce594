default_scope = 'mmaction'
custom_imports = dict(imports=['mmaction_timesformer'], allow_failed_imports=False)

default_hooks = dict(
    runtime_info=dict(type='RuntimeInfoHook'),
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=20, ignore_last=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='WholeCheckpointHook', interval=1, max_keep_ckpts=3, save_best='auto'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    sync_buffers=dict(type='SyncBuffersHook'),
    # Among the default hooks, so that a config with its own custom_hooks keeps them.
    class_counts=dict(type='ClassCountsHook'),
    epoch_seed=dict(type='EpochSeedHook'),
    temperature=dict(type='TemperatureHook'),
    record=dict(type='RunRecordHook'),
    progress=dict(type='ProgressHook'),
    preprocessing=dict(type='PreprocessingHook'),
)

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    # Where there is no GPU, the package's compat.py makes it gloo.
    dist_cfg=dict(backend='nccl'),
)

log_processor = dict(
    type='LogProcessor',
    window_size=20,
    by_epoch=True,
    # Of the epoch so far; mmengine logs that of the last batch.
    custom_cfg=[dict(data_src='top1_acc', method_name='mean', window_size='epoch')],
)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='ActionVisualizer', vis_backends=vis_backends)

log_level = 'INFO'
load_from = None
resume = False
