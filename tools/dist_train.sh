#!/usr/bin/env bash
# Train in several processes, one a GPU (or CPU processes, where there is no GPU):
#
#   tools/dist_train.sh CONFIG PROCESSES [arguments of train.py]
#
# On several machines, call it on each with NNODES, its own NODE_RANK, and the MASTER_ADDR and PORT
# of the first. NNODES=2:4 is elastic: it goes on with any two to four machines, after a failure up to
# MAX_RESTARTS (3) times, each time from the last checkpoint if --resume is given. PYTHON names another
# interpreter than `python`.
set -euo pipefail

if (($# < 2)); then
    echo "usage: $0 CONFIG PROCESSES [arguments of train.py]" >&2
    exit 2
fi
tools=$(cd "$(dirname "$0")" && pwd)
export PYTHONPATH="$tools/..${PYTHONPATH:+:$PYTHONPATH}"

address="${MASTER_ADDR:-127.0.0.1}" port="${PORT:-29500}"
if [[ "${NNODES:-1}" == *:* ]]; then
    meeting=(--rdzv_backend=c10d --rdzv_endpoint="$address:$port" --rdzv_id="${JOB_ID:-training}"
        --max_restarts="${MAX_RESTARTS:-3}")
else
    meeting=(--node_rank="${NODE_RANK:-0}" --master_addr="$address" --master_port="$port")
fi

exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" "${meeting[@]}" --nproc_per_node="$2" \
    "$tools/train.py" "$1" --launcher pytorch "${@:3}"
