"""Bytes into trees: what a scalar means, where everything stands, what is tolerated and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsync.settings.loader import MAX_DEPTH, Node, Scalar, parse, scalar
from leadsync.settings.problems import Place, Problems


def read(content: str | bytes) -> tuple[Node | None, list[str]]:
    problems = Problems()
    node = parse("a.yaml", content.encode() if isinstance(content, str) else content, problems)
    return node, [str(problem) for problem in sorted(problems.found)]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("off", "off"),
        ("08:30", "08:30"),
        ("2026-12-24", "2026-12-24"),
        ("0123", "0123"),
        ("-07", "-07"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ("12345678901234567890", "12345678901234567890"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("0.5", 0.5),
        ("-1.5e3", -1500.0),
        ("1.", 1.0),
        ("20%", "20%"),
    ],
)
def test_only_plain_numbers_and_true_and_false_are_more_than_text(written: str, meant: Scalar) -> None:
    assert scalar(written) == meant
    assert type(scalar(written)) is type(meant)


def test_quotes_make_text_of_a_number() -> None:
    node, problems = read('a: "70000"\nb: 70000\n...\n')
    assert (node and node.plain(), problems) == ({"a": "70000", "b": 70000}, [])


def test_every_key_and_value_knows_its_line_and_column() -> None:
    node, _ = read("a:\n  - x\n  - {b: 1, c: [2, 3]}\n...\n")
    assert node is not None
    assert node.key("a") == Place("a.yaml", 1, 1)
    assert node.at("a", 0).place == Place("a.yaml", 2, 5)
    assert node.at("a", 1).key("c") == Place("a.yaml", 3, 12)
    assert node.at("a", 1, "c", 1).place == Place("a.yaml", 3, 19)
    assert node.at("a", 1, "missing", "deeper").place == Place("a.yaml", 3, 5)
    assert node.find("a", 7, "b").value is None


def test_windows_line_ends_and_a_byte_order_mark_are_tolerated() -> None:
    plain, _ = read("a: [1, 2]\nb: text\n...\n")
    windows, problems = read(b"\xef\xbb\xbfa: [1, 2]\r\nb: text\r\n...\r\n")
    assert problems == []
    assert plain is not None
    assert windows is not None
    assert windows.plain() == plain.plain()
    assert windows.at("b").place == Place("a.yaml", 2, 4)


def test_an_empty_file_and_one_without_its_end_are_half_written() -> None:
    for content in ("", "a: 1\n", "a: 1\n... \nb: 2\n"):
        node, problems = read(content)
        assert node is None
        assert "half-written" in problems[0]


def test_a_file_of_a_list_or_a_word_is_refused() -> None:
    for content in ("- a\n...\n", "word\n...\n"):
        assert read(content)[1] == ["a.yaml:1:1: the file must hold keys and values, `key: value` on each line"]


def test_too_deep_nesting_is_refused_where_it_gets_too_deep() -> None:
    fits = "a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1) + "\n...\n"
    assert read(fits)[1] == []
    for levels in (MAX_DEPTH, 5000):
        node, problems = read("a: " + "[" * levels + "]" * levels + "\n...\n")
        assert node is None
        assert problems == ["a.yaml:1:35: more than 32 levels deep\n  fix: flatten this part"]


def test_a_file_larger_than_the_limit_is_refused_unread() -> None:
    node, problems = read(b"a: " + b"x" * 256 * 1024 + b"\n...\n")
    assert (node, problems) == (None, ["a.yaml:1:1: the file is larger than 256 KiB"])


def test_bytes_that_are_no_text_are_refused_at_their_place() -> None:
    assert read(b"a: 1\nb: \xff\n...\n")[1] == ["a.yaml:2:4: the file is not UTF-8 text\n  fix: save it as UTF-8"]
    assert read("a: 1\nb: x\x00y\n...\n")[1] == ["a.yaml:2:5: the file holds a character that YAML does not allow"]


def test_all_that_is_hard_to_review_is_named_in_one_go() -> None:
    node, problems = read("a: &x 1\nb: *x\nc: !t 2\n<<: {d: 1}\na: 3\n...\n")
    assert node is None
    assert [problem.split("\n")[0] for problem in problems] == [
        "a.yaml:1:4: anchors (`&x`) are not allowed",
        "a.yaml:2:4: aliases (`*x`) are not allowed",
        "a.yaml:3:4: tags (`!`) are not allowed",
        "a.yaml:4:1: merge keys (`<<`) are not allowed",
        'a.yaml:5:1: the key "a" stands here twice',
    ]


@given(st.binary(max_size=80))
def test_no_bytes_at_all_make_the_parser_fail_otherwise_than_by_a_problem(content: bytes) -> None:
    problems = Problems()
    node = parse("a.yaml", content + b"\n...\n", problems)
    assert (node is None) == bool(problems)


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#?,% \n\t\\0x", max_size=60))
def test_no_yaml_like_text_makes_the_parser_fail_otherwise_than_by_a_problem(content: str) -> None:
    problems = Problems()
    node = parse("a.yaml", f"{content}\n...\n".encode(), problems)
    assert (node is None) == bool(problems)
