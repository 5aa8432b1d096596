from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.scim.normalise.attributes import parse_attribute
from scim_server.scim.schema import Attribute
from scim_server.scim.values import decimal, instant, integer, is_date_time, is_storable, shown, stored_instant


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2011-05-13T04:42:34Z", datetime(2011, 5, 13, 4, 42, 34, tzinfo=UTC)),
        ("2011-05-13t04:42:34.123456789z", datetime(2011, 5, 13, 4, 42, 34, 123456, tzinfo=UTC)),
        ("2011-05-13T04:42:34-02:00", datetime(2011, 5, 13, 6, 42, 34, tzinfo=UTC)),
        ("2011-05-13T04:42:34", datetime(2011, 5, 13, 4, 42, 34, tzinfo=UTC)),
        ("2011-05-13", datetime(2011, 5, 13, tzinfo=UTC)),
        ("2011-05-13 04:42", datetime(2011, 5, 13, 4, 42, tzinfo=UTC)),
        (" 2011-05-13T04:42:34,5+0200\n", datetime(2011, 5, 13, 2, 42, 34, 500_000, tzinfo=UTC)),
        ("20110513t044234Z", datetime(2011, 5, 13, 4, 42, 34, tzinfo=UTC)),
        ("2011-05-13T04:42:34+23:59", datetime(2011, 5, 12, 4, 43, 34, tzinfo=UTC)),
    ],
)
def test_instants(text: str, expected: datetime) -> None:
    assert instant(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "2011-13-01",
        "0001-01-01T00:00:00+10:00",
        "9999-12-31T23:59:59-10:00",
        "20110513T04:4234Z",
        "2011-W19-5",
        "2011-05-13X04:42:34Z",
        "2011-05-13\x0004:42:34Z",
        "2011-05-13T04",
        "2011-05-13T04:42:34+00:00:30",
        "２011-05-13",
    ],
)
def test_what_is_no_instant(text: str) -> None:
    with pytest.raises(ValueError, match=r"(?s)."):
        instant(text)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("2011-05-13T04:42:34Z", True),
        ("2011-05-13T04:42:34.1234567-02:00", True),
        ("2011-05-13T04:42:34", True),
        ("2011-05-13t04:42:34z", False),
        ("2011-05-13 04:42:34Z", False),
        ("2011-05-13T04:42Z", False),
        ("2011-05-13", False),
        ("2011-05-13T24:00:00Z", False),
        ("2011-05-13T04:42:60Z", False),
        ("2011-05-13T04:42:34+15:00", False),
        ("0001-01-01T00:00:00+10:00", False),
        ("0001-01-01T00:00:00+00:00", True),
        ("9999-12-31T23:59:59-00:01", False),
        ("9999-12-31T23:59:59-00:00", True),
        ("9999-12-31T23:59:59Z", True),
        ("9999-12-31T23:59:59-10:00", False),
        ("2011-05-13T04:42:34Z\n", False),
    ],
)
def test_the_form_of_a_date_time(text: str, is_one: bool) -> None:
    assert is_date_time(text) is is_one


@pytest.mark.parametrize(
    ("text", "number"), [("7", 7), (" -7 ", -7), ("+007", 7), ("2.5", 2.5), (".5", 0.5), ("-1.e3", -1000)]
)
def test_numbers(text: str, number: float) -> None:
    assert decimal(text) == number
    if isinstance(number, int) and "." not in text:
        assert integer(text) == number


@pytest.mark.parametrize("text", ["", "1_000", "٣", "0x1", "nan", "inf", "1 000", "--1", "."])
def test_what_is_no_number(text: str) -> None:
    for read in (integer, decimal):
        with pytest.raises(ValueError, match="not a"):
            read(text)


def test_text_that_can_be_stored_and_shown() -> None:
    assert is_storable("é😀\n")
    assert not is_storable("\x00")
    assert not is_storable("\udfff")
    assert len(shown("x" * 5_000)) < 100
    shown("\ud800").encode()


DATE_TIMES = st.builds(
    "{}-{}-{}{}{}:{}:{}{}{}".format,
    st.sampled_from(["0000", "0001", "2026", "9999"]),
    st.sampled_from(["01", "02", "12", "13"]),
    st.sampled_from(["01", "28", "30", "31"]),
    st.sampled_from("Tt "),
    st.sampled_from(["00", "23", "24"]),
    st.sampled_from(["00", "59", "60"]),
    st.sampled_from(["00", "59", "60"]),
    st.sampled_from(["", ".5", ".1234567", ".9999999", ",5"]),
    st.sampled_from(["", "Z", "z", "+14:00", "-10:00", "+23:59", "-0200", "+02"]),
)
"""Nearly all of which are one."""


@given(DATE_TIMES)
def test_what_is_kept_of_a_date_time_is_the_same_instant(text: str) -> None:
    try:
        time = instant(text)
    except ValueError:
        assert stored_instant(text) is None
        return
    kept = parse_attribute(Attribute("joined", "dateTime"), text)
    assert is_date_time(kept)
    assert stored_instant(kept) == time


@pytest.mark.parametrize("read", [integer, decimal])
@pytest.mark.parametrize("digits", ["1" * 1_000_000 + "x", "1" * 1_000_000, " " * 1_000_000 + "1", "." * 1_000_000])
def test_a_number_of_a_million_digits_is_none(read: Callable[[str], float], digits: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        read(digits)
