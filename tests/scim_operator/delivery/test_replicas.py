from typing import Any

import pytest

from scim_operator.delivery import Replica, replicas_at, replicas_in


def endpoint_slice(*endpoints: dict[str, Any], kind: str = "IPv4", port: str = "management") -> dict[str, Any]:
    return {
        "addressType": kind,
        "ports": [{"name": "http", "port": 8080}, {"name": port, "port": 8081}],
        "endpoints": list(endpoints),
    }


def endpoint(address: str, pod: str | None = None, **conditions: bool) -> dict[str, Any]:
    target = {} if pod is None else {"targetRef": {"kind": "Pod", "name": pod}}
    return {"addresses": [address], "conditions": conditions, **target}


def test_each_endpoint_is_a_replica_on_the_port_named_management() -> None:
    found = replicas_in(
        [endpoint_slice(endpoint("10.0.0.2", "b", ready=True), endpoint("10.0.0.1", "a", ready=True))]
    )
    assert found == (Replica("http://10.0.0.1:8081", "a"), Replica("http://10.0.0.2:8081", "b"))


def test_one_that_is_not_ready_is_known_as_such() -> None:
    (found,) = replicas_in([endpoint_slice(endpoint("10.0.0.1", ready=False))])
    assert found == Replica("http://10.0.0.1:8081", "10.0.0.1:8081", ready=False)


def test_readiness_that_is_not_told_means_ready() -> None:
    (found,) = replicas_in([endpoint_slice({"addresses": ["10.0.0.1"]})])
    assert found.ready


def test_one_that_terminates_is_left_out() -> None:
    assert replicas_in([endpoint_slice(endpoint("10.0.0.1", ready=False, terminating=True))]) == ()


def test_an_address_in_two_slices_is_one_replica_and_ready_when_either_says_so() -> None:
    ready, moved = endpoint("10.0.0.1", "a", ready=True), endpoint("10.0.0.1", "a", ready=False)
    for slices in ([ready, moved], [moved, ready]):
        (found,) = replicas_in([endpoint_slice(item) for item in slices])
        assert found.ready


def test_ipv6_addresses_stand_in_brackets() -> None:
    (found,) = replicas_in([endpoint_slice(endpoint("fd00::1", ready=True), kind="IPv6")])
    assert found.url == "http://[fd00::1]:8081"


def test_with_the_name_of_their_certificates_they_are_spoken_to_in_tls() -> None:
    (found,) = replicas_in([endpoint_slice(endpoint("10.0.0.1", "a"))], "scim-server.scim-system.svc")
    assert found == Replica("https://10.0.0.1:8081", "a", tls_name="scim-server.scim-system.svc")


@pytest.mark.parametrize("ports", [[], None, [{"name": "http", "port": 8080}]])
def test_a_slice_without_that_port_has_no_replicas(ports: Any) -> None:
    assert replicas_in([endpoint_slice(endpoint("10.0.0.1", ready=True)) | {"ports": ports}]) == ()


def test_a_fixed_list_is_taken_as_given_once_each() -> None:
    assert replicas_at(["https://b:8081/", "https://a:1", "https://b:8081/"]) == (
        Replica("https://a:1", "a:1"),
        Replica("https://b:8081", "b:8081"),
    )
    assert replicas_at(["https://a:1"], "scim") == (Replica("https://a:1", "a:1", tls_name="scim"),)


def test_plain_http_goes_to_this_machine_alone_unless_allowed() -> None:
    here = ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1"]
    assert [each.url for each in replicas_at(here)] == sorted(here)
    for url in ("http://10.0.0.7:8081", "http://scim:8081"):
        with pytest.raises(ValueError, match="https:// is expected"):
            replicas_at([url])
        assert replicas_at([url], insecure=True)[0].url == url


@pytest.mark.parametrize("url", ["10.0.0.7:8081", "ftp://a", "http://", "http://user@a", "http://a?x=1"])
def test_what_is_no_url_of_a_replica_is_refused_by_name(url: str) -> None:
    with pytest.raises(ValueError, match="replica") as refused:
        replicas_at([url])
    assert url in str(refused.value)
