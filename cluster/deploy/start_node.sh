#!/usr/bin/env bash
# Starts Ray on a worker node and returns: `start_node.sh --address=HOST:PORT …`, the arguments of `ray start`. From then on a
# spot notice of AWS or GCP makes Ray drain the node, as SIGTERM does on Kubernetes: workers finish or hand back their units.
set -euo pipefail
metadata=${SPEECHMILL_METADATA:-http://169.254.169.254}
log=${SPEECHMILL_NODE_LOG:-/tmp/speechmill-node.log}

ask() { curl --silent --fail --max-time 2 "$@"; }

on_gcp() { ask --header 'Metadata-Flavor: Google' "$metadata/computeMetadata/v1/instance/id" > /dev/null; }

notice() {
    local token
    [ "$(ask --header 'Metadata-Flavor: Google' "$metadata/computeMetadata/v1/instance/preempted")" = TRUE ] && return
    token=$(ask --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$metadata/latest/api/token") || return
    ask --header "X-aws-ec2-metadata-token: $token" "$metadata/latest/meta-data/spot/instance-action" > /dev/null
}

on_gcp && export RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S=25  # of the 30 s from the notice to the end
setsid ray start --block "$@" > "$log" 2>&1 < /dev/null &
node=$!
for _ in $(seq 120); do
    grep -q 'Ray runtime started' "$log" && break
    kill -0 "$node" 2> /dev/null || break
    sleep 0.5
done
if ! grep -q 'Ray runtime started' "$log" || ! kill -0 "$node"; then
    cat "$log" >&2
    exit 1
fi

watch() {
    while kill -0 "$node" 2> /dev/null; do
        if notice; then
            echo "spot notice: the node drains" >> "$log"
            kill -TERM "$node"
            return
        fi
        sleep 5
    done
}
watch > /dev/null 2>&1 < /dev/null &
