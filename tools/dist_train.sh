#!/usr/bin/env bash
# Train in several processes, one a GPU (or CPU processes, where there is no GPU):
#
#   tools/dist_train.sh CONFIG PROCESSES [arguments of train.py]
#
# On several machines, call it on each with NNODES, its own NODE_RANK, and the MASTER_ADDR and PORT
# of the first. PYTHON names another interpreter than `python`.
set -euo pipefail

if (($# < 2)); then
    echo "usage: $0 CONFIG PROCESSES [arguments of train.py]" >&2
    exit 2
fi
tools=$(cd "$(dirname "$0")" && pwd)
export PYTHONPATH="$tools/..${PYTHONPATH:+:$PYTHONPATH}"

exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" \
    --nproc_per_node="$2" \
    "$tools/train.py" "$1" --launcher pytorch "${@:3}"
