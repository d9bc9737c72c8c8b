"""The graph that tells processors apart is the one that its script makes."""

from actors.runtime.session import PROBE
from exporter.probe import probe


def test_the_file_that_ships_is_made_by_the_script() -> None:
    assert PROBE.read_bytes() == probe().SerializeToString()
