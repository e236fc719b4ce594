"""Learning from what was corrected, without forgetting.

corrections -> features -> increments (at once) or overnight (training) -> exam -> gate -> lineage
"""
