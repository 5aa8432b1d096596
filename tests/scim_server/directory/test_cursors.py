"""What a cursor holds, and when it is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scim_server.directory.cursors import CURSOR_TIMEOUT_SECONDS, LONGEST, Cursor, Cursors
from scim_server.scim.errors import ExpiredCursor, InvalidCursor
from scim_server.storage.index_keys import LONGEST_KEY, index_key
from scim_server.storage.records import Position

KEY = bytes(range(32))
NOW = datetime(2026, 11, 24, tzinfo=UTC)
CURSOR = Cursor(Position(NOW, "id"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TIMES = st.timedeltas(timedelta(days=-700_000), timedelta(days=2_900_000)).map(lambda since: _EPOCH + since)
KEYS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TIMES,
    st.text(st.characters(exclude_categories=["Cs"])),
)


@given(created=TIMES, resource_id=st.uuids().map(str), key=KEYS, backwards=st.booleans())
def test_what_is_sealed_is_opened(created: datetime, resource_id: str, key: str | None, backwards: bool) -> None:
    cursor = Cursor(Position(created, resource_id, key), backwards)
    cursors = Cursors(KEY, "acme/okta")
    assert cursors.open(cursors.seal(cursor, "x", NOW), "x", NOW) == cursor


@given(key=st.text(st.characters(exclude_categories=["Cs"]), max_size=LONGEST_KEY))
@example(key="\x01" * LONGEST_KEY)
@example(key=index_key("\x01" * (LONGEST_KEY + 1)))
def test_it_fits_into_a_url(key: str) -> None:
    cursor = Cursor(Position(datetime.max.replace(tzinfo=UTC), "00000000-0000-4000-8000-000000000000", key), True)
    assert len(Cursors(KEY, "acme/okta").seal(cursor, "x", NOW)) <= LONGEST


def test_every_replica_opens_it_and_no_other_tenant_or_installation() -> None:
    cursor = Cursors(KEY, "acme/okta").seal(CURSOR, "x", NOW)
    assert Cursors(KEY, "acme/okta").open(cursor, "x", NOW) == CURSOR
    for stranger in (Cursors(KEY, "acme/entra"), Cursors(bytes(32), "acme/okta")):
        with pytest.raises(InvalidCursor):
            stranger.open(cursor, "x", NOW)


def test_it_expires() -> None:
    cursors = Cursors(KEY, "acme/okta")
    cursor = cursors.seal(CURSOR, "x", NOW)
    late = NOW + timedelta(seconds=CURSOR_TIMEOUT_SECONDS)
    assert cursors.open(cursor, "x", late) == CURSOR
    with pytest.raises(ExpiredCursor):
        cursors.open(cursor, "x", late + timedelta(seconds=1))


@given(text=st.text(max_size=200))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursor):
        Cursors(KEY, "acme/okta").open(text, "x", NOW)
