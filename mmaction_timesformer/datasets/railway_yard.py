"""The railway yard: dangerous situations between excavators and workers."""

from mmaction_timesformer.datasets.labeled_videos import LabeledVideoDataset
from mmaction_timesformer.registry import DATASETS

RAILWAY_YARD_CLASSES = ('Track-Excavator', 'Bucket-Worker', 'Cabin-Worker', 'Other')


@DATASETS.register_module()
class RailwayYardDataset(LabeledVideoDataset):
    """Videos of a railway yard.

    An excavator rolls onto a track, a worker enters the swing of its bucket, a worker walks up to
    its cabin, or anything else happens. See `LabeledVideoDataset` for the arguments.
    """

    METAINFO = {'classes': RAILWAY_YARD_CLASSES}
