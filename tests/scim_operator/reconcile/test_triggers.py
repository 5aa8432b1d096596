from typing import Any

import pytest

from scim_operator.api import ObjectKey
from scim_operator.reconcile.known_statuses import KnownStatuses
from scim_operator.reconcile.triggers import Triggers

OKTA = ObjectKey("acme", "okta")
ENTRA = ObjectKey("acme", "entra")


class Recorded:
    def __init__(self) -> None:
        self.keys: list[ObjectKey] = []
        self.relists = 0
        self.known_statuses = KnownStatuses()
        self.restored: list[ObjectKey] = []
        self.triggers = Triggers(
            enqueue=self.keys.append,
            relisted=self._relisted,
            restore=lambda key, uid: self.restored.append(key),
            known_statuses=self.known_statuses,
        )

    def _relisted(self) -> None:
        self.relists += 1

    def taken(self) -> list[ObjectKey]:
        keys, self.keys[:] = list(self.keys), []
        return keys


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


def config(key: ObjectKey = OKTA, generation: int = 1, **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "namespace": key.namespace,
            "name": key.name,
            "uid": f"uid-{key}",
            "generation": generation,
            **metadata,
        },
        "spec": {},
    }


def mapping(
    name: str = "roles", ref: Any = None, *, namespace: str = "acme", generation: int = 1, uid: str = ""
) -> dict[str, Any]:
    return {
        "metadata": {"namespace": namespace, "name": name, "uid": uid or f"m-{name}", "generation": generation},
        "spec": {"configRef": {"name": "okta"} if ref is None else ref},
    }


def test_an_event_of_a_config_concerns_it(recorded: Recorded) -> None:
    recorded.triggers.config_event("ADDED", config())
    assert recorded.taken() == [OKTA]
    recorded.triggers.config_event("DELETED", config())
    assert recorded.taken() == [OKTA]


def test_a_write_to_the_status_alone_concerns_nobody(recorded: Recorded) -> None:
    recorded.triggers.config_event("ADDED", config())
    recorded.triggers.mapping_event("ADDED", mapping())
    recorded.taken()
    recorded.triggers.config_event("MODIFIED", config())
    recorded.triggers.mapping_event("MODIFIED", mapping())
    assert recorded.taken() == []
    recorded.triggers.config_event("MODIFIED", config(generation=2))
    assert recorded.taken() == [OKTA]
    recorded.triggers.config_event("MODIFIED", config(generation=2, deletionTimestamp="2026-11-01T00:00:00Z"))
    assert recorded.taken() == [OKTA]


def test_a_mapping_concerns_the_config_that_it_names_in_its_own_or_another_namespace(recorded: Recorded) -> None:
    recorded.triggers.mapping_event("ADDED", mapping("a", namespace="team"))
    recorded.triggers.mapping_event("ADDED", mapping("b", {"name": "okta", "namespace": "acme"}, namespace="team"))
    assert recorded.taken() == [ObjectKey("team", "okta"), OKTA]


def test_a_mapping_that_moves_concerns_both_configs(recorded: Recorded) -> None:
    recorded.triggers.mapping_event("ADDED", mapping())
    recorded.taken()
    recorded.triggers.mapping_event("MODIFIED", mapping(ref={"name": "entra"}, generation=2))
    assert recorded.taken() == [OKTA, ENTRA]


def test_a_mapping_that_moved_while_the_watch_was_down_concerns_both(recorded: Recorded) -> None:
    recorded.triggers.mapping_event(None, mapping())
    recorded.taken()
    recorded.triggers.mapping_event(None, mapping(ref={"name": "entra"}, generation=2))
    assert recorded.taken() == [OKTA, ENTRA]


def test_a_deleted_mapping_concerns_the_config_that_it_named(recorded: Recorded) -> None:
    recorded.triggers.mapping_event("ADDED", mapping())
    recorded.taken()
    recorded.triggers.mapping_event("DELETED", mapping())
    assert recorded.taken() == [OKTA]


def test_a_successor_of_the_same_name_is_another_object(recorded: Recorded) -> None:
    recorded.triggers.mapping_event("ADDED", mapping(uid="first"))
    recorded.triggers.mapping_event("DELETED", mapping(uid="first"))
    recorded.taken()
    recorded.triggers.mapping_event("ADDED", mapping(ref={"name": "entra"}, uid="second"))
    assert recorded.taken() == [ENTRA]


@pytest.mark.parametrize("spec", [None, {}, {"configRef": None}, {"configRef": {}}, {"configRef": {"name": 7}}])
def test_a_mapping_of_an_older_api_does_no_harm(recorded: Recorded, spec: Any) -> None:
    recorded.triggers.mapping_event("ADDED", mapping() | {"spec": spec})
    assert recorded.taken() == []


def test_a_secret_concerns_the_configs_that_use_it_also_when_it_was_missing(recorded: Recorded) -> None:
    recorded.triggers.remember(OKTA, [ObjectKey("acme", "token")], [])
    recorded.triggers.remember(ENTRA, [ObjectKey("acme", "other")], [])
    recorded.triggers.secret_event("ADDED", {"metadata": {"namespace": "acme", "name": "token"}})
    recorded.triggers.secret_event("DELETED", {"metadata": {"namespace": "elsewhere", "name": "token"}})
    assert recorded.taken() == [OKTA]


def test_a_namespace_concerns_configs_with_mappings_there_when_its_labels_change(recorded: Recorded) -> None:
    recorded.triggers.remember(OKTA, [], ["team"])
    recorded.triggers.remember(ENTRA, [], ["other"])

    def event(type_: str | None, **labels: str) -> list[ObjectKey]:
        recorded.triggers.namespace_event(type_, {"metadata": {"name": "team", "labels": labels}})
        return recorded.taken()

    assert event(None, tier="one") == [OKTA]
    assert event("MODIFIED", tier="one") == []
    assert event("MODIFIED", tier="two") == [OKTA]
    assert event("DELETED", tier="two") == [OKTA]


def test_a_listed_object_asks_for_a_look_at_everything(recorded: Recorded) -> None:
    recorded.triggers.add([ENTRA])
    recorded.taken()
    recorded.triggers.config_event(None, config())
    assert recorded.relists == 1
    assert set(recorded.triggers.known) == {OKTA, ENTRA}


def test_what_is_gone_is_forgotten(recorded: Recorded) -> None:
    recorded.triggers.add([OKTA])
    recorded.triggers.forget(OKTA)
    assert recorded.triggers.known == ()
    assert OKTA not in recorded.triggers


def test_a_status_that_somebody_else_changed_is_restored(recorded: Recorded) -> None:
    """The operator's own writes, labels and the counters that it wrote are no reason."""
    ready = {"type": "Ready", "status": "True", "reason": "Succeeded", "message": ""}
    foreign = {"type": "example.com/Audited", "status": "True", "reason": "Done", "message": ""}
    status = {"observedGeneration": 1, "conditions": [ready], "groups": 1}
    recorded.triggers.config_event("ADDED", config())
    recorded.triggers.mapping_event("ADDED", mapping())
    recorded.triggers.config_event("MODIFIED", config() | {"status": {"groups": 7}})
    assert recorded.restored == []  # nothing was written yet
    recorded.known_statuses.note(f"uid-{OKTA}", status)
    recorded.triggers.config_event("MODIFIED", config() | {"status": status})
    recorded.triggers.config_event("MODIFIED", config() | {"status": status | {"conditions": [foreign, ready]}})
    recorded.known_statuses.note_counters(f"uid-{OKTA}", {"groups": 2})
    recorded.triggers.config_event("MODIFIED", config() | {"status": status | {"groups": 2}})
    assert recorded.restored == []
    for by_hand in ({"groups": 3}, {"conditions": [ready | {"status": "False"}]}, {"observedGeneration": 9}):
        recorded.triggers.config_event("MODIFIED", config() | {"status": status | {"groups": 2} | by_hand})
    assert recorded.restored == [OKTA, OKTA, OKTA]
    recorded.known_statuses.note("m-roles", {"conditions": []})
    recorded.triggers.mapping_event("MODIFIED", mapping() | {"status": {"conditions": [ready]}})
    assert recorded.restored[3:] == [OKTA]
