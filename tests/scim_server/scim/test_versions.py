import pytest

from scim_server.scim.errors import PreconditionFailed
from scim_server.scim.versions import etag, is_not_modified, parse_if_match, require_version, tag_of_version


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ('W/"7"', True),
        ('"7"', True),
        ('w/"7"', True),
        ("7", True),
        ("*", True),
        (' W/"6" , W/"7"', True),
        ('"a,b", "7"', True),
        ('W/"70"', False),
        ("", False),
        ('W/"', False),
        (",,,", False),
    ],
)
def test_headers(header: str, named: bool) -> None:
    assert is_not_modified(header, etag(7)) is named
    if named:
        require_version(parse_if_match(header), 7)
    else:
        with pytest.raises(PreconditionFailed, match='W/"7"'):
            require_version(parse_if_match(header), 7)


def test_a_tag_names_its_own_version() -> None:
    assert etag(7) == 'W/"7"'
    assert is_not_modified(etag(3), etag(3))


def test_what_is_derived_makes_another_representation_of_the_same_version() -> None:
    tags = [etag(7), etag(7, b"admin"), etag(7, b"guest")]
    for one in tags:
        require_version(parse_if_match(one), 7)
        assert tag_of_version(one) == etag(7)
        assert [is_not_modified(one, other) for other in tags] == [one == other for other in tags]
        with pytest.raises(PreconditionFailed):
            require_version(parse_if_match(one), 8)


@pytest.mark.parametrize("tag", ['W/"7"', "7", 'W/"7.', "7.12", "", 'W/"7.1234567890abcdef" or so'])
def test_only_tags_have_a_derived_part(tag: str) -> None:
    assert tag_of_version(tag) == tag


def test_without_a_header_there_is_no_condition() -> None:
    require_version(parse_if_match(None), 7)
    assert not is_not_modified(None, etag(7))


def test_a_header_of_more_than_a_kibibyte_names_nothing() -> None:
    header = ", ".join(etag(version) for version in range(1000))
    assert not is_not_modified(header, etag(7))
    with pytest.raises(PreconditionFailed):
        require_version(parse_if_match(header), 7)
    with pytest.raises(PreconditionFailed):
        require_version(parse_if_match(" " * 2000 + "*"), 7)
