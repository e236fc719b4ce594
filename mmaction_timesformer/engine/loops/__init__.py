"""Training loops."""

from mmaction_timesformer.engine.loops.closed_form import ClosedFormTrainLoop

__all__ = ['ClosedFormTrainLoop']
