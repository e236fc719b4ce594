"""A railway yard rendered from scratch: the demo set, with its clips, long videos and truth."""

from demo_yard.rendering.dataset import DemoSettings, render_demo_dataset

__all__ = ['DemoSettings', 'render_demo_dataset']
