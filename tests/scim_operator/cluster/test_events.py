from datetime import UTC, datetime

from scim_operator.cluster import EventType, event_object

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)


def event(note: str = "Ready=True: all is well", name: str = "okta") -> dict[str, object]:
    regarding = {
        "apiVersion": "scim-operator.io/v1alpha1",
        "kind": "ProvisioningConfig",
        "metadata": {"namespace": "acme", "name": name, "uid": "u", "resourceVersion": "5"},
    }
    return event_object(
        regarding,
        kind=EventType.NORMAL,
        reason="Succeeded",
        action="Reconcile",
        note=note,
        now=NOW,
        instance="scim-operator-0",
    )


def test_it_is_about_the_object_and_in_its_namespace() -> None:
    made = event()
    assert made["regarding"] == {
        "apiVersion": "scim-operator.io/v1alpha1",
        "kind": "ProvisioningConfig",
        "namespace": "acme",
        "name": "okta",
        "uid": "u",
        "resourceVersion": "5",
    }
    assert made["metadata"]["namespace"] == "acme"  # type: ignore[index]
    assert made["eventTime"] == "2026-11-23T12:00:00.123456Z"


def test_names_are_new_each_time_and_never_too_long() -> None:
    names = {event(name="n" * 253)["metadata"]["name"] for _ in range(3)}  # type: ignore[index]
    assert len(names) == 3
    assert all(len(name) <= 253 for name in names)


def test_a_long_note_is_cut_at_the_limit_of_the_api_in_bytes() -> None:
    note = str(event("ü" * 2000)["note"])
    assert len(note.encode()) <= 1024
    assert note.endswith("…")
