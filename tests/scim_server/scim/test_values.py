from datetime import UTC, datetime

import pytest

from scim_server.scim.values import instant, is_storable, shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2011-05-13T04:42:34Z", datetime(2011, 5, 13, 4, 42, 34, tzinfo=UTC)),
        ("2011-05-13t04:42:34.123456789z", datetime(2011, 5, 13, 4, 42, 34, 123456, tzinfo=UTC)),
        ("2011-05-13T04:42:34-02:00", datetime(2011, 5, 13, 6, 42, 34, tzinfo=UTC)),
        ("2011-05-13T04:42:34", datetime(2011, 5, 13, 4, 42, 34, tzinfo=UTC)),
        ("2011-05-13", datetime(2011, 5, 13, tzinfo=UTC)),
    ],
)
def test_instants(text: str, expected: datetime) -> None:
    assert instant(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "2011-13-01", "0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00"])
def test_what_is_no_instant(text: str) -> None:
    with pytest.raises(ValueError, match=r"(?s)."):
        instant(text)


def test_text_that_can_be_stored_and_shown() -> None:
    assert is_storable("é😀\n")
    assert not is_storable("\x00")
    assert not is_storable("\udfff")
    assert len(shown("x" * 5_000)) < 100
    shown("\ud800").encode()
