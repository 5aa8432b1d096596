from scim_server.folding import fold


def test_case_is_folded_and_nothing_else() -> None:
    assert fold("BJensen@ÉXAMPLE.com") == "bjensen@éxample.com"
    assert fold("Straße") == "straße"
