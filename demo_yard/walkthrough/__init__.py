"""The demo: render a yard, train on it, test on what was never seen, and say where it all lies."""

from demo_yard.walkthrough.demo import DemoOptions, run_demo

__all__ = ['DemoOptions', 'run_demo']
