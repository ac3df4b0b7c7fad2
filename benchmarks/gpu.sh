#!/usr/bin/env bash
# Measure what only a GPU can show, and print one table (Markdown).
#
#     benchmarks/gpu.sh > gpu.md            our methods by themselves
#     benchmarks/gpu.sh AUTHORS > gpu.md    and beside the authors' code in AUTHORS/pix2pix, AUTHORS/SPADE, AUTHORS/AdaIN
#     benchmarks/gpu.sh --tiny [AUTHORS]    on the CPU at a small size: only to see that all of it runs
#
# The three folders are the checkouts that docs/speed.md names.  Nothing is downloaded, and of the
# package's dependencies jsonargparse and gradio may be missing.
# Each row is a process of its own with a time limit (LIMIT seconds, 900 by default), so that a failure costs one row, and
# the table says why.  Progress goes to standard error.  PYTHON is the interpreter, GPUS the number of devices.
set -u
cd "$(dirname "$0")/.." || exit
export PYTHONPATH="$PWD/src${PYTHONPATH:+:$PYTHONPATH}" PYTHONWARNINGS=ignore
PYTHON=${PYTHON:-python}
LIMIT=${LIMIT:-900}
OUT=$(mktemp -d)
trap 'rm -rf "$OUT"' EXIT

tiny=
if [ "${1:-}" = --tiny ]; then
  tiny=1
  shift
elif ! "$PYTHON" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
  echo "There is no GPU here: this is --tiny, on the CPU." >&2
  tiny=1
fi
AUTHORS=${1:-}
if [ -n "$tiny" ]; then
  DEVICE=cpu ROUNDS=1 BATCHES=1 PRECISIONS=32 RACE="--size 32" OURS="--size 28 --steps 2" GPUS=${GPUS:-1}
  METHODS=cyclegan NETWORK=faststyle SCALED=cyclegan
else
  DEVICE=cuda ROUNDS=30 BATCHES="1 16" PRECISIONS="32 bf16" RACE="" OURS="--steps 50"
  METHODS="cyclegan spade pix2pixhd" NETWORK=cyclegan SCALED=cyclegan
  GPUS=${GPUS:-$("$PYTHON" -c 'import torch; print(torch.cuda.device_count())')}
fi

# row NAME COMMAND...: run it, and keep what it prints.
row() {
  local name=$1 status
  shift
  echo "$name" >&2
  echo "$name" >>"$OUT/names"
  local file
  file=$OUT/$(wc -l <"$OUT/names")
  timeout -k 10 "$LIMIT" "$@" >"$file.out" 2>"$file.err" </dev/null
  status=$?
  echo "$status" >"$file.status"
  [ "$status" = 0 ] || echo "  failed: $status" >&2
}

# beside NAME SCRIPT FOLDER BATCH PRECISION OPTIONS...: a method beside its authors' code.
beside() {
  local name=$1 script=$2 folder=$AUTHORS/$3 batch=$4 precision=$5
  shift 5
  if [ ! -d "$folder" ]; then
    row "$name beside its authors', batch $batch, $precision" sh -c "echo 'There is no folder $folder.' >&2; exit 2"
    return
  fi
  row "$name beside its authors', batch $batch, $precision" "$PYTHON" "benchmarks/${script}_against_authors.py" "$folder" \
    --device "$DEVICE" --batch "$batch" --precision "$precision" --rounds "$ROUNDS" "$@"
}

# ours KIND NAME OPTIONS...: a method of ours, or its network.
ours() {
  # shellcheck disable=SC2086  # OURS is several options
  row "$*" "$PYTHON" benchmarks/gpu_row.py "$@" --device "$DEVICE" $OURS
}

if [ -n "$AUTHORS" ]; then
  AUTHORS=$(realpath "$AUTHORS")
  for precision in $PRECISIONS; do
    for batch in $BATCHES; do
      beside pix2pix pix2pix pix2pix "$batch" "$precision"
      # shellcheck disable=SC2086
      beside CycleGAN cyclegan pix2pix "$batch" "$precision" $RACE
      # shellcheck disable=SC2086
      beside AdaIN adain AdaIN "$batch" "$precision" $RACE
    done
    beside SPADE spade SPADE 1 "$precision"
  done
  # shellcheck disable=SC2086
  beside "compiled CycleGAN" cyclegan pix2pix 1 bf16 --compile $RACE
else
  echo "No folder of the authors' code was given: ours only." >&2
fi

for name in $METHODS; do
  for options in "" "--precision bf16" "--precision bf16 --compile" "--precision bf16 --channels-last"; do
    # shellcheck disable=SC2086
    ours method $name $options
  done
done
for mode in eager compile reduce-overhead graphs; do
  for precision in $PRECISIONS; do
    ours network $NETWORK --mode $mode --precision "$precision"
  done
done
for batch in $BATCHES; do
  ours method $SCALED --batch "$batch" --precision bf16 --devices "$GPUS"
done

"$PYTHON" - "$OUT" <<'TABLE'
import json, pathlib, platform, sys

import torch

folder = pathlib.Path(sys.argv[1])
names = (folder / "names").read_text().splitlines()
device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads (only a trial)"
print(f"{device}, PyTorch {torch.__version__}, Python {platform.python_version()}\n")
print("| row | what | ms | authors' ms | times as fast | images/s | MB | authors' MB | notes |")
print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
for number, name in enumerate(names, 1):
    status = int((folder / f"{number}.status").read_text())
    for line in (folder / f"{number}.out").read_text().splitlines():
        if not line.startswith("{"):
            continue
        r = json.loads(line)
        notes = []
        if r.get("devices", 1) > 1:
            notes.append(f"{r['devices']} devices, efficiency {r['efficiency']:.0%}")
        if "first_s" in r:
            notes.append(f"first passes {r['first_s']} s")
        if "losses_relative_difference" in r:
            notes.append("losses apart by " + ", ".join(map(str, r["losses_relative_difference"])))
        keys = ("ms", "authors_ms_min", "times_as_fast", "images_per_second", "peak_memory_mb", "authors_mb")
        r.setdefault("ms", r.get("ours_ms_min", ""))
        r.setdefault("peak_memory_mb", r.get("ours_mb", ""))
        print("|", " | ".join([name, r["what"], *(str(r.get(key, "")) for key in keys), "; ".join(notes)]), "|")
    if status:
        errors = (folder / f"{number}.err").read_text().strip().splitlines() or ["no message"]
        reason = "out of time" if status in (124, 137) else errors[-1].replace("|", "/")[:200]
        print(f"| {name} | **failed** ({status}) | | | | | | | {reason} |")
TABLE
