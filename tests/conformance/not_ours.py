"""Cases of the storage contract that don't apply to our server, and why. What it does instead is tested beside it."""

TESTS = {
    "test_cursor_pages_back": "a service provider may leave out previousCursor (RFC 9865 §2.1)",
    "test_cursor_pages_back_after_a_deletion": "the same",
    "test_cursor_with_count_zero": "with a cursor, count is a positive integer: 400 invalidCount (RFC 9865 §2.1)",
}

FILTERS = {
    "title gt null": "null has no order: 400 invalidFilter",
    'meta.created co "20"': "a dateTime has no substrings: 400 invalidFilter",
    "title eq null": "an empty string is no value, as for `pr` (RFC 7644 table 3)",
    "title ne null": "the same",
}
