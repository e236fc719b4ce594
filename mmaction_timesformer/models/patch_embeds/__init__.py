"""From pixels to tokens: linear patches, or the feature map of an image network."""

from mmaction_timesformer.models.layers.patch_embed import PatchEmbed
from mmaction_timesformer.models.patch_embeds.efficientnet_lite import EfficientNetLite
from mmaction_timesformer.models.patch_embeds.feature_maps import FeatureMaps
from mmaction_timesformer.models.patch_embeds.hybrid import HybridPatchEmbed
from mmaction_timesformer.registry import PATCH_EMBEDS

PATCH_EMBEDS.register_module(module=PatchEmbed)

__all__ = ['EfficientNetLite', 'FeatureMaps', 'HybridPatchEmbed', 'PatchEmbed']
