"""docs/sizing.md says what the speeds in docs/performance.md give."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import sizing
from benchmarks.sizing import FAMILIES, NODES, Node, Plan, filled, size, speeds

PAGE = """
<!-- some_speed -->
| x real time (against the best peer) | Some Xeon (VNNI), 4 threads | AMD EPYC (avx2), 2 threads |
| --- | --- | --- |
| somebody else | 99.0 (1.00) |  |
| Speechmill fp32, 8 slots | 8.0 (0.08) | 1.0 |
| Speechmill int8, 8 slots | 24.0 (0.24) |  |
| Speechmill int8, 16 slots | 20.0 (0.20) |  |
<!-- /some_speed -->
"""
NODE = Node("node", "VNNI", cores=8, price=0.5)
# Nothing is lost: 1,000 hours at 10 x real time on 8 cores are 12.5 hours.
IDEAL = Plan(audio_hours=1000, days=1, efficiency=1, start_minutes=0, idle_minutes=0, interruptions=0, price=1.0)


def test_the_page_is_what_the_speeds_give(capsys: pytest.CaptureFixture[str]) -> None:
    sizing.main(["--check"])
    assert capsys.readouterr().out == ""


def test_the_page_names_the_prices_and_shares_of_the_script() -> None:
    page = sizing.PAGE.read_text()
    for node in NODES:
        assert f"${sizing.SPOT_SHARE * node.price:.3f} ({node.name})" in page
    for number in (sizing.HEAD_PRICE, sizing.FLAC_SHARE, sizing.ROWS_A_PART, Plan.efficiency, Plan.interruptions):
        assert f"{number:g}" in page


def test_other_speeds_make_another_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    measured = tmp_path / "performance.md"
    measured.write_text(sizing.SPEEDS.read_text().replace("| 44.9 (6.20) |", "| 4.49 (0.62) |"))
    monkeypatch.setattr(sizing, "SPEEDS", measured)
    with pytest.raises(SystemExit, match="--write"):
        sizing.main(["--check"])
    monkeypatch.setattr(sizing, "PAGE", Path(tmp_path, "sizing.md"))
    sizing.PAGE.write_text("<!-- sizing -->\n<!-- /sizing --> <!-- sizing_storage -->\n<!-- /sizing_storage -->\n")
    sizing.main(["--write"])
    sizing.main(["--check"])


def test_our_best_speed_of_each_precision_counts_by_core() -> None:
    assert speeds("some_speed", "VNNI", PAGE) == {"fp32": 2.0, "int8": 6.0}
    assert speeds("some_speed", "avx2", PAGE) == {"fp32": 0.5}


@pytest.mark.parametrize(("table", "kernels", "said"), [("other", "VNNI", "no table other"), ("some_speed", "amx", "of amx")])
def test_what_the_page_lacks_is_named(table: str, kernels: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        speeds(table, kernels, PAGE)


def test_every_family_has_a_speed_on_every_node() -> None:
    measured = sizing.SPEEDS.read_text()
    for family in FAMILIES:
        for node in NODES:
            assert {"fp32", "int8"} <= speeds(family.table, node.kernels, measured).keys()


def test_the_rows_are_as_long_as_the_page_says() -> None:
    measured = sizing.SPEEDS.read_text()
    for family in FAMILIES:
        above = measured.split(f"<!-- {family.table} -->")[0].rsplit("-->", 1)[-1]
        assert f"{family.row_s:g} s" in above, family.name


def test_node_hours_are_audio_by_speed_and_cores() -> None:
    taken = size(IDEAL, 10.0, NODE, row_s=6.0)
    assert taken.node_hours == pytest.approx(12.5)
    assert taken.nodes == 1
    requests = 3 * 1000 * 3600 / 6 / 256 * 5e-6
    assert taken.cost == pytest.approx(12.5 + 24 * sizing.HEAD_PRICE + requests)


def test_less_time_takes_more_nodes_and_each_a_start() -> None:
    plan = replace(IDEAL, days=1 / 24, start_minutes=6, idle_minutes=6)
    taken = size(plan, 10.0, NODE, row_s=6.0)
    assert taken.nodes == 14  # 12.5 hours by 54 minutes
    assert taken.node_hours == pytest.approx(12.5 + 14 * 0.2)


def test_interruptions_cost_half_a_unit_and_a_start() -> None:
    plan = replace(IDEAL, interruptions=1.0, start_minutes=5, unit_minutes=2)
    assert size(plan, 10.0, NODE, row_s=6.0).node_hours == pytest.approx(12.5 / 0.9 + 5 / 60)


@pytest.mark.parametrize("changed", [{"days": 0.001}, {"interruptions": 30.0}])
def test_what_no_number_of_nodes_does_is_refused(changed: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="more time"):
        size(replace(IDEAL, start_minutes=3, **changed), 10.0, NODE, row_s=6.0)


def test_other_arguments_print_and_do_not_write(capsys: pytest.CaptureFixture[str]) -> None:
    before = sizing.PAGE.read_text()
    sizing.main(["--audio-hours", "1000", "--price", "0.25"])
    assert "Nodes for 7 days" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        sizing.main(["--audio-hours", "1000", "--write"])
    assert sizing.PAGE.read_text() == before


def test_only_the_tables_of_a_page_change() -> None:
    page = "a\n<!-- sizing -->\nold\n<!-- /sizing -->\nb\n"
    assert filled(page, {"sizing": "new\n"}) == "a\n<!-- sizing -->\nnew\n<!-- /sizing -->\nb\n"
