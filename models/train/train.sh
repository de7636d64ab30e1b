#!/bin/sh
# Makes models/jesus-nano.gguf anew: text, tokenizer, weights, file, held-out cases, goldens, verdict. About 70 minutes on one core.
# Needs Debian's python3-torch, python3-numpy and libopenblas0-pthread (Debian's default BLAS is fifty times slower).
# Usage: models/train/train.sh [work folder, default .cache/nano] [more options of train.py]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
models=$(dirname "$here")
work=${1:-$(dirname "$models")/.cache/nano}
[ $# -gt 0 ] && shift
python=/usr/bin/python3
mkdir -p "$work"
"$python" -c 'import numpy, torch' 2>/dev/null || {
    echo "train.sh: $python lacks torch or numpy; install them: apt-get install python3-torch python3-numpy libopenblas0-pthread" >&2
    exit 2
}
# Large pages and memory that malloc keeps: without them the kernel spends half the time clearing pages.
export GLIBC_TUNABLES=glibc.malloc.hugetlb=1 MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=8000000000 MALLOC_TOP_PAD_=268435456
# One thread is the most work per processor second for matrices this small.
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 OMP_WAIT_POLICY=passive
"$python" "$here/train.py" --work "$work" --resume "$@"
"$python" "$here/export.py" --work "$work" --out "$models/jesus-nano.gguf"
"$python" "$here/heldout.py" --out "$models/eval/heldout.jsonl"
"$python" "$here/golden.py" --model "$models/jesus-nano.gguf" --out "$models/eval"
"$python" "$here/evaluate.py" --model "$models/jesus-nano.gguf" --cases "$models/eval/heldout.jsonl"
