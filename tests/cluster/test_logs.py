"""Records that travel from workers, and the lines that are made of them."""

import json
import logging
import pickle
from collections.abc import Iterator

import pytest

from cluster import logs

NAME = "speechmill.test_logs"


@pytest.fixture
def collector() -> Iterator[logs.Collector]:
    collector = logs.Collector("node-7")
    logger = logging.getLogger(NAME)
    logger.addHandler(collector)
    yield collector
    logger.removeHandler(collector)


def line_of(record: logging.LogRecord) -> dict[str, object]:
    line: dict[str, object] = json.loads(logs.formatter("json").format(record))
    return line


def test_what_a_worker_logs_arrives_at_the_job_with_its_node_unit_and_traceback(
    collector: logs.Collector, caplog: pytest.LogCaptureFixture
) -> None:
    error = RuntimeError("the model is broken")
    logging.getLogger(NAME).warning("%s broke its worker", object(), exc_info=error, extra={"unit": "part-1"})
    records = pickle.loads(pickle.dumps(collector.take()))  # noqa: S301 - our own
    assert not collector.take()
    caplog.clear()
    logs.handle(records)
    (record,) = caplog.records
    assert "broke its worker" in record.getMessage()
    assert (line_of(record)["node"], line_of(record)["unit"]) == ("node-7", "part-1")
    assert "RuntimeError: the model is broken" in json.dumps(line_of(record))


def test_a_worker_that_logs_in_a_loop_keeps_the_latest(collector: logs.Collector) -> None:
    for i in range(5000):
        logging.getLogger(NAME).warning("line %d", i)
    messages = [record.getMessage() for record in collector.take()]
    assert len(messages) == 1000
    assert messages[-1] == "line 4999"


def test_a_line_of_json_has_what_is_known() -> None:
    record = logging.LogRecord(NAME, logging.WARNING, __file__, 1, "row %s:\nno", ("é",), None)
    assert "job" not in line_of(record)
    logs.Named("session-1").filter(record)
    line = line_of(record)
    assert (line["level"], line["logger"], line["message"], line["job"]) == ("WARNING", NAME, "row é:\nno", "session-1")
    assert str(line["time"]).endswith("+00:00")
    assert "\n" not in logs.formatter("json").format(record)


def test_a_line_of_text_has_time_level_logger_and_message() -> None:
    record = logging.LogRecord(NAME, logging.WARNING, __file__, 1, "row %d", (1,), None)
    assert logs.formatter("text").format(record).endswith(f" WARNING {NAME}: row 1")
