#!/usr/bin/env bash
# Probe the machine this runs on and check whole models on it: one command, under ten minutes.
#
#   tools/measure_gpu.sh [--quick] [FOLDER]
#
# FOLDER is where the results go: $OUT if that is set, else ./measurements. Needs Python with
# PyTorch, NumPy, click, rich and PyYAML; transformers and llama-cpp-python are used where they are
# installed. Nothing is installed and nothing is fetched: the package is run from the source tree.
# It leaves probe.json (see docs/probe.md), fit.json, report.txt and device.txt. What is killed or
# runs out of memory leaves what it has, marked partial. Settings of the device are not touched.
set -u -o pipefail

quick=() limit=540
if [ "${1:-}" = "--quick" ]; then
    quick=(--quick --check) limit=300
    shift
fi
root=$(cd "$(dirname "$0")/.." && pwd)
out=${1:-${OUT:-$PWD/measurements}}
python=${PYTHON:-python3}
begun=$SECONDS
mkdir -p "$out" || exit 2
export PYTHONPATH="$root/src${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1

"$python" - <<'PY' || exit 2
import importlib.util, sys
needed = ("torch", "numpy", "click", "rich", "yaml")
missing = [name for name in needed if importlib.util.find_spec(name) is None]
sys.exit(f"error: this Python lacks {', '.join(missing)}" if missing else 0)
PY

{
    date -u +%Y-%m-%d
    if command -v nvidia-smi >/dev/null; then
        fields=name,driver_version,memory.total,power.limit,clocks.sm,clocks.mem,temperature.gpu
        fields=$fields,utilization.gpu,clocks_event_reasons.active
        nvidia-smi --query-gpu="$fields" --format=csv || true
    fi
    "$python" -c 'import torch; print(torch.__version__, torch.version.cuda, torch.version.hip)'
} >"$out/device.txt" 2>&1

run() { # a time limit, then a command: what it prints goes to the report too
    local most=$1
    shift
    timeout --signal=TERM --kill-after=20 "$most" "$@" 2>&1 | tee -a "$out/report.txt"
}

: >"$out/report.txt"
run $((limit - 40)) "$python" -m inferplan probe ${quick[@]+"${quick[@]}"} --out "$out/probe.json"
code=$?
[ $code -eq 0 ] || echo "the probe ended with code $code; probe.json keeps what it has" \
    | tee -a "$out/report.txt"
run 30 "$python" -m inferplan probe --fit "$out/probe.json"
timeout 30 "$python" -m inferplan probe --fit "$out/probe.json" --json >"$out/fit.json"
fitted=$?
echo "done in $((SECONDS - begun)) s" | tee -a "$out/report.txt"
[ $code -eq 0 ] && [ $fitted -eq 0 ]
