"""Runs a job's units on Ray: a pool of actors that grows while units wait, shrinks at the tail, and outlives its nodes.

Plain actors, because Ray Data's pool cannot begin with no node, is slow to follow an autoscaler, and takes ten times the
driver's CPU for a call. The job's process knows which units each worker has: what a dead worker had goes to another one.
"""

from cluster.ray_pool.backend import OnRay
from cluster.ray_pool.connection import connected

__all__ = ["OnRay", "connected"]
