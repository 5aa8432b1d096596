import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.folding import fold


def test_case_goes_and_letters_stay() -> None:
    assert fold("BJensen@ÉXAMPLE.com") == "bjensen@éxample.com"
    assert fold("Straße") == "straße"


@pytest.mark.parametrize("spelling", ["ΟΔΟΣ", "οδος", "οδοσ", "Οδος"])
def test_the_last_sigma_of_a_word_is_like_any_other(spelling: str) -> None:
    assert fold(spelling) == "οδοσ"


@given(st.text("ΑαΣσς .aİßé") | st.text(), st.text("ΑαΣσς .aİßé") | st.text())
def test_a_part_of_a_text_is_a_part_of_it_folded(one: str, other: str) -> None:
    assert fold(one + other) == fold(one) + fold(other)


@given(st.text("ΑαΣσς .aİßé") | st.text())
def test_what_is_folded_stays(text: str) -> None:
    assert fold(fold(text)) == fold(text)
