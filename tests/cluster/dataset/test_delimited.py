"""CSV and TSV: quotes that are never closed, honest fields over several lines, and options for what is written otherwise."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from actors.errors import InputDataError, UsageError
from cluster.dataset import TextOptions, plan_units, read_rows, scan, text_formats

MANY_ROWS = "".join(f"{i},Row {i} is here\n" for i in range(2, 300))


class Row(NamedTuple):
    id: str
    text: str | None
    error: str | None


ReadCsv = Callable[..., list[Row]]


@pytest.fixture
def read_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ReadCsv:
    """Reads the rows of a CSV file in one unit; checks that they are the same in units of other sizes."""
    monkeypatch.setattr(text_formats, "_STRIDE", 2)
    monkeypatch.setenv("SPEECHMILL_CACHE", str(tmp_path / "cache"))

    def read(content: str | bytes, name: str = "a.csv", **options: Any) -> list[Row]:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        dataset = scan(path, options=TextOptions.parse(**options))
        whole, *others = (
            [row for unit in plan_units(dataset.shards, size) for row in read_rows(dataset, unit).rows]
            for size in (10**6, 1, 2, 3)
        )
        assert all(rows == whole for rows in others)
        return [Row(row.id, row.values["text"], row.error) for row in whole]

    return read


# --- quotes that are never closed ---


@pytest.mark.parametrize(
    ("content", "good", "rejected"),
    [
        ('id,text\n1,"Never closed\n2,Good two.\n3,"Quoted three."\n4,Good.\n', "234", {"1": "line 2:"}),
        ('id,text\n1,Good.\n2,"Never closed\n3,Good.\n4,Good.\n', "134", {"2": "line 3:"}),  # up to the end of the file
        ('id,text\n1,"Never closed\n2,Good two.\n3,Stray end"\n4,Good four.\n', "234", {"1": "line 2:"}),  # valid CSV
        ('id,text\n1,"Never closed\n2,Stray end"\n3,Good.\n', "23", {"1": "line 2:"}),
        ('"id","text"\n"1","Never closed\n"2","Good"\n"3","Good"\n', "23", {"1": "line 2:"}),
        ('id,text,n\n1,"Open,n\n2,Good row,n\n3,Stray"end,n\n4,"Good",n\n', "234", {"1": "line 2:"}),
        ('id,text\n1,"One\n2,Good.\n3,"Two\n4,Good.\n5,Good.\n', "245", {"1": "line 2:", "3": "line 4:"}),
        ('id,text\n1,"Open\n2,Good.\n3,"honest\nlines"\n4,Good.\n', "234", {"1": "line 2:"}),
        ('id,text\n1,"Open\n2,Good.\n3,", he said"\n4,Good.\n', "234", {"1": "line 2:"}),  # too many fields
        ('id,text\n1,"Open\n2,""\n3,"x"\n4,Good.\n', "234", {"1": "line 2:"}),
        ('id,text\n1,"line one\nline "two" more\nline three"\n2,Good.\n', "2", {"1": "lines 2 to 4:"}),
        ('text,id\nGood one.,1\n"Open,2\nGood three.,3\nStray end",4\nGood five.,5\n', "1345", {}),
    ],
)
def test_a_quote_that_is_never_closed_takes_its_row_alone(
    read_csv: ReadCsv, content: str, good: str, rejected: dict[str, str]
) -> None:
    rows = read_csv(content)
    assert "".join(row.id for row in rows if row.error is None) == good
    bad = [row for row in rows if row.error]
    assert len(bad) == max(1, len(rejected))
    assert all("a quote that opens there is not closed" in row.error and row.text is None for row in bad if row.error)
    for row, (id_, where) in zip(bad, rejected.items(), strict=False):
        assert row.id == id_
        assert row.error is not None
        assert row.error.startswith(where)


def test_one_quote_far_from_the_next_swallows_none_of_hundreds_of_rows(read_csv: ReadCsv) -> None:
    rows = read_csv(f'id,text\n1,"Never closed\n{MANY_ROWS}300,Stray end"\n301,Good.\n')
    assert [row.id for row in rows] == [str(i) for i in range(1, 302)]
    assert [row.id for row in rows if row.error] == ["1"]


def test_without_quoting_a_line_is_a_row(read_csv: ReadCsv) -> None:
    rows = read_csv('id,text\n1,"Never closed\n2,"Good" row\n', quoting=False)
    assert rows == [("1", '"Never closed', None), ("2", '"Good" row', None)]


def test_a_file_made_to_be_read_again_and_again_is_given_up(read_csv: ReadCsv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cluster.dataset.delimited._MAX_AGAIN_BYTES", 100_000)
    with pytest.raises(InputDataError, match="too many quotes are never closed"):
        read_csv("a,text,c\n" + 'ab",c,"d\n' * 1000)


@pytest.mark.parametrize(
    ("content", "count"),
    [
        ('id,text\n1,"Roses are red,\nViolets are blue,\nSugar is sweet,\nAnd so are you."\n2,Short.\n3,Other.\n', 3),
        ('id,text\n1,"12 Main St, Springfield\nIL, USA"\n2,Short one.\n3,Other one.\n', 3),
        ('id,text\n1,"12 Main St,Springfield\nIL,USA"\n2,Short one.\n3,Other one.\n', 3),
        ('id,text,note\n1,"one, two, three,\nfour, five, six,\nend",x\n2,b c d,y\n', 2),
        ('text,note\n"Violets are blue,\nRoses are red,\nend",\nShort one.,\n', 2),
        ('id,text\n1,"He said ""hi, there"",\nand left."\n2,x y\n', 2),
        ('id,text\r\n1,"two\r\nlines, x"\r\n2,b c\r\n', 2),
        ('text\n"a\nb\nc"\nd\n', 2),
        ('id,text\n1,"a\n\n\nb"\n2,c d\n', 2),
        (f'id,text\n1,First.\n{MANY_ROWS}300,"To buy:\n2 apples, red\n3 pears"\n', 300),
        (f'id,text\n1,First.\n{MANY_ROWS}300,"Zutaten:\n1,5 Liter Milch\n0,5 kg Mehl"\n', 300),
        ("id,text\n" + "".join(f'{i},"line a {i}\nline b, c\nline d,e"\n' for i in range(50)), 50),
        ("text,id\n" + "".join(f'"line a {i}\nline b, c\nline d,e",{i}\n' for i in range(50)), 50),
    ],
)
def test_honest_fields_over_several_lines_are_rows(read_csv: ReadCsv, content: str, count: int) -> None:
    rows = read_csv(content)
    assert [row for row in rows if row.error] == []
    assert len(rows) == count


def test_units_of_any_size_give_the_same_rows(read_csv: ReadCsv) -> None:
    pieces = ['"', ",", "a", "\n", "1", '""', "\n2,b\n", ',"', '",', " ", "é", "\r\n", '\n3,"x y"\n']
    chance = random.Random(5)
    rejected = 0
    for _ in range(60):
        content = "id,text\n9,x\n" + "".join(chance.choices(pieces, k=40))
        encoding = chance.choice(["utf-8", "utf-16", "latin-1"])
        rows = read_csv(content.encode(encoding), encoding=encoding, quoting=chance.random() < 0.8)
        rejected += any(row.error is not None for row in rows)
    assert rejected > 20


@pytest.mark.parametrize(
    "content",
    [
        'id,text\n1,Good.\n2,"so" said he\n3,Good.\n',
        '"id","text"\n"1","Good."\n"2","he said "so", and left"\n"3","Good."\n',
        'id,text\n1,Good.\n2,"so" said "he\n3,Good.\n',
    ],
)
def test_what_stands_before_a_stray_quote_is_known(read_csv: ReadCsv, content: str) -> None:
    rows = read_csv(content)
    assert [row.id for row in rows] == ["1", "2", "3"]
    assert [row.id for row in rows if row.error] == ["2"]


def test_a_header_of_several_lines_is_taken_unless_it_may_hold_rows(read_csv: ReadCsv) -> None:
    rows = read_csv('id,text,"Long\nname"\n1,Good.,x\n2,Good.,y\n')
    assert [(row.id, row.error) for row in rows] == [("1", None), ("2", None)]
    for content in ('text,"id\nGood.,1\nGood.,2"\nGood.,3\n', 'text,"id\nGood.,1\nGood.,2\n', '"text\nGood.\nGood."\nGood.\n'):
        with pytest.raises(InputDataError, match="the header is longer than a line"):
            read_csv(content)


# --- options ---


def test_another_delimiter_is_named_and_not_guessed(read_csv: ReadCsv) -> None:
    content = "id;text;note\n1;Hello, there.;a\n2;How are you?;b\n"
    with pytest.raises(
        InputDataError, match=r"columns are 'id;text;note'\. The first line looks separated by ';': .*--delimiter"
    ):
        read_csv(content)
    assert [row.text for row in read_csv(content, delimiter=";")] == ["Hello, there.", "How are you?"]


def test_a_table_without_header_gets_the_names_of_its_columns(read_csv: ReadCsv) -> None:
    content = 'LJ001-0001|Printing, in the only|a\nLJ001-0002|in being "modern.|b\nLJ001-0003|"Quoted|c\n'
    with pytest.raises(InputDataError, match=r"looks separated by '\|'.*--columns"):
        read_csv(content)
    rows = read_csv(content, delimiter="|", quoting=False, header=False, columns="id,text,normalised")
    assert [row.text for row in rows] == ["Printing, in the only", 'in being "modern.', '"Quoted']
    assert rows[0].id == "LJ001-0001"


def test_columns_for_a_table_with_a_header_are_an_error(read_csv: ReadCsv) -> None:
    with pytest.raises(InputDataError, match="its first line holds the names of the columns"):
        read_csv("id,text\n1,a\n", columns="id,text")


def test_txt_with_a_delimiter_is_a_table(read_csv: ReadCsv) -> None:
    rows = read_csv("a.wav|Hello\nb.wav|There, you\n", "list.txt", delimiter="|", columns="id,text")
    assert rows == [("a.wav", "Hello", None), ("b.wav", "There, you", None)]


@pytest.mark.parametrize(("given", "delimiter"), [("\\t", "\t"), ("tab", "\t"), ("\\x01", "\x01"), ("|", "|"), (" ", " ")])
def test_delimiters_that_are_hard_to_type(given: str, delimiter: str) -> None:
    assert TextOptions.parse(given).delimiter == delimiter


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"delimiter": "||"}, "--delimiter '||' is not one character"),
        ({"delimiter": '"'}, "--delimiter"),
        ({"delimiter": ""}, "--delimiter"),
        ({"delimiter": "\\x0"}, "--delimiter"),
        ({"header": False}, "--no-header.*--columns"),
        ({"columns": "id,,text"}, "--columns.*'' is empty"),
        ({"columns": "id,text,id"}, "--columns.*'id' is"),
        ({"encoding": "utf-99"}, "--encoding 'utf-99' is not known"),
        ({"encoding": "rot13"}, "--encoding"),
        ({"encoding": "base64"}, "--encoding"),
        ({"encoding": "a\0b"}, "--encoding"),
        ({"encoding": ""}, "--encoding"),
    ],
)
def test_options_that_make_no_sense_are_usage_errors(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        TextOptions.parse(**options)


# --- what people's files look like ---


def test_lines_that_end_with_a_delimiter(read_csv: ReadCsv) -> None:
    assert [row.text for row in read_csv("id,text\n1,a,\n2,b,,\n")] == ["a", "b"]
    assert [row.text for row in read_csv("id,text,\n1,a,\n2,b,c\n")] == ["a", "b"]


def test_columns_without_a_name_are_numbered(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(",text, \n0,a,x\n")
    assert scan(tmp_path / "a.csv").schema.names == ["column1", "text", "column3"]


def test_columns_with_the_same_name_are_numbered_or_an_error(read_csv: ReadCsv, tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match="'text' appears more than once"):
        read_csv("id,text,text\n1,a,b\n")
    (tmp_path / "b.csv").write_text("text,note,note,note_2,note\na,b,c,d,e\n")
    assert scan(tmp_path / "b.csv").schema.names == ["text", "note", "note_3", "note_2", "note_4"]


def test_a_line_for_excel_is_no_header(read_csv: ReadCsv) -> None:
    content = "sep=;\nid;text\n1;Hello, you\n"
    assert read_csv(content, delimiter=";") == [("1", "Hello, you", None)]
    with pytest.raises(InputDataError, match="separated by ';'"):
        read_csv(content)


def test_a_header_in_quotes_names_the_delimiter_too(read_csv: ReadCsv) -> None:
    with pytest.raises(InputDataError, match=r"the header is not valid CSV: .*separated by ';': .*--delimiter"):
        read_csv('"id";"text"\n"1";"a"\n')


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_line_ends(read_csv: ReadCsv, end: str) -> None:
    rows = read_csv(end.join(["id,text", "1,one two", '2,"quoted, here"', "3,three"]))
    assert rows == [("1", "one two", None), ("2", "quoted, here", None), ("3", "three", None)]


def test_ids_of_rows_that_cannot_be_read_are_kept(read_csv: ReadCsv) -> None:
    rows = read_csv(b'id,text\nA1,good\nA2,too,many\nA3,\xff\nA4,"open\nA5,good\n')
    assert [row.id for row in rows] == ["A1", "A2", "A3", "A4", "A5"]
    assert [row.error is None for row in rows] == [True, False, False, False, True]
