"""Measure this project beside its peers, for the record: model, memory, data, detection, ..."""

from mmaction_timesformer.benchmarking.command import run_part

if __name__ == '__main__':
    run_part()
