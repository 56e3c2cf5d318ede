"""What an answer of the API server means, and the one line a person reads of it."""

from typing import Any

import pytest

from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn.answers import Answer, Call, ConflictError, failure, is_absent, plain, retry_after
from tenancy.kinds import CONFIG_MAP, NAMESPACE, SUBNET, VPC

CREATE = Call("create", VPC, "acme")
RBAC = 'vpcs.kubeovn.io is forbidden: User "u" cannot create resource "vpcs" in API group "kubeovn.io" at cluster scope'


def answer(code: int, reason: str = "", message: str = "", **details: Any) -> Answer:
    return Answer(code, {"kind": "Status", "reason": reason, "message": message, "details": details})


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_an_overloaded_or_broken_server_is_worth_another_try(code: int) -> None:
    assert type(failure(CREATE, answer(code))) is UnavailableError


@pytest.mark.parametrize("code", [400, 403, 405, 413, 415, 422])
def test_a_rejected_request_is_final(code: int) -> None:
    assert isinstance(failure(CREATE, answer(code)), RefusedError)


def test_a_conflict_says_to_read_again() -> None:
    assert isinstance(failure(CREATE, answer(409, "AlreadyExists", "there already")), ConflictError)


def test_a_missing_right_is_named_as_the_role_must_grant_it() -> None:
    error = failure(CREATE, answer(403, "Forbidden", RBAC))
    assert isinstance(error, RefusedError)
    assert error.reason == "forbidden"
    assert 'verb "create" on resource "vpcs" of API group "kubeovn.io"' in str(error)


def test_a_quota_is_not_mistaken_for_a_missing_right() -> None:
    error = failure(CREATE, answer(403, "Forbidden", "exceeded quota: compute"))
    assert "exceeded quota" in str(error)
    assert "grant" not in str(error)


def test_a_namespace_on_its_way_out_is_worth_another_try() -> None:
    causes = [{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]
    call = Call("create", CONFIG_MAP, "berth-network", "tenant-acme")
    error = failure(call, answer(403, "Forbidden", "because it is being terminated", causes=causes))
    assert isinstance(error, UnavailableError)


@pytest.mark.parametrize(
    "answered",
    [
        Answer(404, {}, text="404 page not found"),
        answer(404, "NotFound", "the server could not find the requested resource"),
    ],
    ids=["group-unknown", "kind-unknown"],
)
@pytest.mark.parametrize("call", [Call("get", SUBNET, "acme--a"), Call("list", SUBNET)], ids=["get", "list"])
def test_kube_ovn_not_installed_is_said_rather_than_taken_for_an_absent_object(answered: Answer, call: Call) -> None:
    assert not is_absent(call, answered)
    error = failure(call, answered)
    assert isinstance(error, RefusedError)
    assert error.reason == "kind-missing"
    assert "subnets of kubeovn.io/v1" in str(error)
    assert "CRDs" in str(error)


def test_a_missing_namespace_is_named() -> None:
    call = Call("create", CONFIG_MAP, "berth-network", "tenant-acme")
    error = failure(call, answer(404, "NotFound", "no", name="tenant-acme", kind="namespaces"))
    assert isinstance(error, RefusedError)
    assert error.reason == "namespace-missing"
    assert "'tenant-acme'" in str(error)


def test_an_absent_object_is_told_by_name_and_kind() -> None:
    call = Call("get", CONFIG_MAP, "acme", "acme")
    assert is_absent(call, answer(404, name="acme", kind="configmaps"))
    assert not is_absent(call, answer(404, name="acme", kind="namespaces"))


def test_an_object_that_vanished_before_its_replacement_is_a_conflict() -> None:
    error = failure(Call("update", VPC, "acme"), answer(404, name="acme", kind="vpcs"))
    assert isinstance(error, ConflictError)


def test_retry_after_is_taken_from_the_header_or_from_the_status() -> None:
    assert retry_after("7", {}) == 7
    assert retry_after(None, {"details": {"retryAfterSeconds": 3}}) == 3
    assert retry_after("2", {"details": {"retryAfterSeconds": 3}}) == 2
    assert retry_after("soon", {}) is None
    assert retry_after(None, {"details": {"retryAfterSeconds": 0}}) is None


@pytest.mark.parametrize("header", ["3000000000", "9" * 400, "9" * 5000])
def test_a_wait_that_nobody_means_is_cut_to_a_day(header: str) -> None:
    assert retry_after(header, {}) == 86_400
    assert retry_after(None, {"details": {"retryAfterSeconds": int(header[:400])}}) == 86_400


def test_text_from_outside_tells_no_password_of_a_url() -> None:
    told = plain("407, url='http://svc-berth:hunter2@127.0.0.1:3128' and https://me@host/a@b")
    assert told == "407, url='http://127.0.0.1:3128' and https://host/a@b"


def test_text_from_outside_is_one_short_printable_line() -> None:
    said = plain("\x1b[31mred\r\nnext\u2028line\x00 " + "x" * 500)
    assert said.startswith("[31mred next line xxx")
    assert said.isprintable()
    assert len(said) == 200


def test_every_failure_message_is_one_line_that_names_the_object() -> None:
    for code in (403, 404, 409, 410, 429, 422, 500):
        error = failure(CREATE, answer(code, "Re\nason", "first\nsecond\x1b[2J" + "y" * 5000))
        assert "\n" not in str(error)
        assert str(error).isprintable()
        assert "Vpc acme" in str(error)
        assert len(str(error)) < 500


@pytest.mark.parametrize("name", ["", "a/b", "..", "A", "a b", "a%2f", "-a", "a?x"])
def test_a_name_that_could_mean_another_address_is_refused(name: str) -> None:
    with pytest.raises(RefusedError, match="not a name"):
        Call("delete", VPC, name)


def test_a_namespaced_object_needs_its_namespace() -> None:
    with pytest.raises(RefusedError, match="namespace"):
        Call("get", CONFIG_MAP, "berth-network")


def test_addresses_are_those_of_the_api() -> None:
    assert Call("get", SUBNET, "acme--a").path == "/apis/kubeovn.io/v1/subnets/acme--a"
    assert Call("create", SUBNET, "acme--a").path == "/apis/kubeovn.io/v1/subnets"
    assert Call("get", NAMESPACE, "tenant-acme").path == "/api/v1/namespaces/tenant-acme"
    assert Call("update", CONFIG_MAP, "n", "tenant-acme").path == "/api/v1/namespaces/tenant-acme/configmaps/n"
    assert Call("list", CONFIG_MAP, namespace="tenant-acme").path == "/api/v1/namespaces/tenant-acme/configmaps"
    assert Call("list", CONFIG_MAP).path == "/api/v1/configmaps"
