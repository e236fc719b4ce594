"""Training in several processes of this machine that share each batch.

On a CPU a small model gains more from this than from threads, which share no more than products:
each process loads and trains its part of a batch by itself.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children

import torch
from mmengine.config import Config

from video_clips.commands import num_cores


def share_batches(cfg: Config, number: int) -> None:
    """Divide each training batch, and who loads it, among processes: the steps stay the same.

    Args:
        cfg: Changed in place.
        number: Processes.

    Raises:
        ValueError: The batch does not divide.
    """
    loader = cfg.train_dataloader
    if loader.batch_size % number:
        raise ValueError(
            f'train_dataloader.batch_size={loader.batch_size} does not divide into '
            f'{number} processes'
        )
    loader.batch_size //= number
    for name in ('train_dataloader', 'val_dataloader'):
        loader = cfg.get(name) or {}
        loader['num_workers'] = loader.get('num_workers', 0) // number
        if not loader['num_workers']:
            loader.pop('prefetch_factor', None)
            loader['persistent_workers'] = False


def run_side_by_side(work: Callable[[], None], number: int) -> None:
    """Do the same in several processes that find each other, as ``torch.distributed`` wants it.

    Args:
        work: What each does, with ``launcher='pytorch'``.
        number: Processes.

    Raises:
        OSError: A process was killed.
        ValueError: There are fewer GPUs than processes, and at least one.
        Exception: What one of them raised; the others are stopped.
    """
    num_gpus = torch.cuda.device_count()
    if 0 < num_gpus < number:
        raise ValueError(f'{number} processes need as many GPUs, and there are {num_gpus}')
    # A forked process has imported everything already.
    context = multiprocessing.get_context('fork' if sys.platform == 'linux' else 'spawn')
    port = _free_port()
    with ProcessPoolExecutor(number, context) as pool:
        running = [pool.submit(_work_as, work, rank, number, port) for rank in range(number)]
        try:
            wait(running, return_when=FIRST_EXCEPTION)
            for process in running:
                if process.done():
                    process.result()
        except BrokenProcessPool as error:
            raise OSError(
                'a training process was killed, as the system does where memory runs out'
            ) from error
        finally:
            if not all(process.done() for process in running):
                for child in active_children():
                    child.terminate()


def _work_as(work: Callable[[], None], rank: int, number: int, port: int) -> None:
    """Work as one of the processes, and end when the first one, which waits for all, is gone."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ |= {
        **dict.fromkeys(('RANK', 'LOCAL_RANK'), str(rank)),
        **dict.fromkeys(('WORLD_SIZE', 'LOCAL_WORLD_SIZE'), str(number)),
        'MASTER_ADDR': '127.0.0.1',
        'MASTER_PORT': str(port),
    }
    torch.set_num_threads(max(1, num_cores() // number))
    work()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]
