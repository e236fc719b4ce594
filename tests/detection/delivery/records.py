"""A record, and an outbox that tries again at once."""

from mmaction_timesformer.detection.delivery.outbox import Outbox

EVENT = dict(
    record='event',
    event_id='gate#Bucket-Worker@12.000',
    state='closed',
    label='Bucket-Worker',
    source='gate',
    start_seconds=12.0,
    end_seconds=75.5,
    peak_score=0.93,
    start_time=None,
    end_time=None,
)


def fast_outbox(file, deliver, **limits):
    return Outbox(file, deliver, first_retry_seconds=0.01, max_retry_seconds=0.05, **limits)
