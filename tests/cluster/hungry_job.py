"""A tiny job of which one row takes all the memory it can get, the first time: ``python -m … <address> <folder>``."""

import sys
from pathlib import Path

import ray

from cluster.ray_pool import OnRay
from cluster.runner import run_units
from tests.cluster import tiny_job

ray.cloudpickle.register_pickle_by_value(tiny_job)  # workers cannot import the tests
texts = ["be hungry once", *(f"row {i}" for i in range(20))]
with tiny_job.open_job(Path(sys.argv[2]), texts, 4) as job:
    with OnRay(workers=(0, 2), cores_per_worker=1, address=sys.argv[1]).open(job.task) as pool:
        list(run_units(job.task, job.units, pool))
    rows = job.rows().values()
sys.exit(any(row["status"] != "ok" for row in rows))
