import base64

import pytest

from scim_operator.api import InvalidSecret, secret_data


def test_data_is_base64_and_string_data_wins() -> None:
    encoded = base64.b64encode(b"from data").decode()

    values = secret_data({"data": {"a": encoded, "b": encoded}, "stringData": {"b": "plain", "c": "ü"}})

    assert values == {"a": b"from data", "b": b"plain", "c": "ü".encode()}


def test_a_secret_may_be_empty() -> None:
    assert secret_data({}) == {}
    assert secret_data({"data": None, "stringData": {"a": None}}) == {"a": b""}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"data": {"token": "tell-no-one!"}}, r"data\[token\]: base64 is expected"),
        ({"stringData": {"token": 4711471147}}, r"stringData\[token\]: a string is expected, not a number: quote it"),
        ({"data": ["tell-no-one"]}, "data: an object is expected, not a list"),
    ],
)
def test_an_error_names_the_key_and_no_value(raw: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidSecret, match=f"^{message}$") as caught:
        secret_data(raw)

    assert "tell-no-one" not in str(caught.value)
    assert "4711" not in str(caught.value)
