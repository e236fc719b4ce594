_base_ = './timesformer_divST_k400-pre_1xb8-amp-8x32x1-30e_railway-yard-rgb.py'

# Validated, tested and saved are running averages over the last 1,000 or so steps.
custom_hooks = [dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=0.001)]
