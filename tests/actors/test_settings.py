from collections.abc import Mapping
from typing import Annotated, Any

import pytest
from pydantic import Field

from actors.bundle import Manifest, load_bundle
from actors.errors import RequestError
from actors.settings import FamilyOptions, ParsedOptions
from cluster.registry import embedded_folder


class Shared(FamilyOptions):
    pause_s: float = 0.0


class Options(Shared):
    loud: Annotated[float, Field(ge=0)] = 1.0


@pytest.fixture
def calls() -> list[Mapping[str, Any]]:
    return []


@pytest.fixture
def parse(calls: list[Mapping[str, Any]]) -> ParsedOptions[Options]:
    def counted(manifest: Manifest, values: Mapping[str, Any]) -> Options:
        calls.append(values)
        return Options.parse(manifest.family, {}, values)

    return ParsedOptions(load_bundle(embedded_folder()).manifest, counted)


def test_rows_that_set_the_same_have_one_set_of_options(parse: ParsedOptions[Options], calls: list[Any]) -> None:
    first = parse({"loud": 0.5})
    assert parse({"loud": 0.5}) is first
    assert parse({"loud": 0.25}) == Options(loud=0.25)
    assert parse({}) == Options()
    assert len(calls) == 3


@pytest.mark.parametrize("values", [{"loud": -1}, {"loud": [1]}, {"lod": 1}])
def test_what_is_wrong_is_refused_every_time(parse: ParsedOptions[Options], values: dict[str, Any]) -> None:
    for _ in range(2):
        with pytest.raises(RequestError, match="Known: loud, pause_s"):  # a family's own before those of all
            parse(values)


def test_values_of_other_types_are_not_taken_for_each_other(parse: ParsedOptions[Options], calls: list[Any]) -> None:
    for value in (1, 1.0, True, "1", -0.0, 0.0):
        parse({"loud": value})
    assert len(calls) == 6


def test_other_options_for_each_request_do_not_fill_the_memory(parse: ParsedOptions[Options]) -> None:
    for i in range(1000):
        assert parse({"loud": i}).loud == i
    assert len(parse._parsed) < 100
