#!/usr/bin/env bash
# Installs on a bare Ubuntu what workers need, and no torch; `ray up` runs it on every node. Running it again changes nothing.
set -euo pipefail
deploy=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$deploy/../.." && pwd)
# shellcheck source=node.env
. "$deploy/node.env"
environment="$HOME/speechmill-env"

# The instance store of AWS or the local SSD of GCP, where the machine has one: both are new and empty. Else the boot disk.
if [ ! -d /mnt/speechmill ]; then
    disk=$(lsblk --nodeps --noheadings --paths --output NAME,MODEL |
        awk '/EC2 NVMe Instance Storage|nvme_card *$/ { print $1; exit }')
    sudo mkdir -p /mnt/speechmill
    if [ -n "$disk" ]; then
        sudo mkfs.ext4 -q "$disk"
        sudo mount -o noatime "$disk" /mnt/speechmill
    fi
    sudo chown "$USER" /mnt/speechmill
fi

# The packages are the dependencies in pyproject.toml; the code comes with each job. boto3 is the autoscaler's.
command -v uv > /dev/null || curl -LsSf https://astral.sh/uv/install.sh | sh
uv venv --quiet --allow-existing --managed-python --python "$SPEECHMILL_PYTHON" "$environment"
uv pip install --quiet --python "$environment" --requirements "$root/pyproject.toml" "ray[default]==$SPEECHMILL_RAY" 'boto3>=1.35'
if nvidia-smi -L > /dev/null 2>&1; then
    uv pip uninstall --quiet --python "$environment" onnxruntime
    uv pip install --quiet --python "$environment" 'onnxruntime-gpu>=1.30'
fi

# `ray up`, `ray exec` and `ray attach` come through interactive shells.
grep -qF "$deploy/node.env" ~/.bashrc 2> /dev/null || echo ". $deploy/node.env" >> ~/.bashrc

for reference in $SPEECHMILL_PREFETCH; do
    PYTHONPATH=$root "$environment/bin/python" -c 'import sys; from cluster.registry import fetch; fetch(sys.argv[1])' "$reference"
done
