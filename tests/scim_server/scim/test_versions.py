import pytest

from scim_server.scim.errors import PreconditionFailed
from scim_server.scim.versions import etag, is_not_modified, require_match


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
    assert is_not_modified(header, 7) is named
    if named:
        require_match(header, 7)
    else:
        with pytest.raises(PreconditionFailed, match='W/"7"'):
            require_match(header, 7)


def test_a_tag_names_its_own_version() -> None:
    assert etag(7) == 'W/"7"'
    assert is_not_modified(etag(3), 3)


def test_without_a_header_there_is_no_condition() -> None:
    require_match(None, 7)
    assert not is_not_modified(None, 7)
