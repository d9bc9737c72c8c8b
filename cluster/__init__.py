"""Where work runs: Ray, nodes, storage, the bundle registry."""
