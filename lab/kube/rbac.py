"""Who may do what, by the roles and bindings of manifests: Kubernetes' own rules of RBAC, as far as manifests use them.

With it the simulated API server refuses whatever an account was not granted, and remembers which grants were needed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as the authorizer sees it (apiserver/pkg/endpoints/request/requestinfo.go).

    The name of a list or watch is what its field selector asks for alone; a create has none, whatever its body says.
    """

    verb: str
    group: str
    resource: str
    """The plural, with a subresource after a slash."""
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        where = f'in the namespace "{self.namespace}"' if self.namespace else "at the cluster scope"
        return f'cannot {self.verb} resource "{self.resource}" in API group "{self.group}" {where}'


@dataclass(frozen=True, slots=True)
class Grant:
    """The smallest part of a role that is bound: one verb on one resource, everywhere or for one namespace or name."""

    account: str
    verb: str
    group: str
    resource: str
    namespace: str = ""
    """Empty: in every namespace."""
    name: str = ""
    """Empty: whatever its name."""

    def covers(self, account: str, asked: Asked) -> bool:
        """Whether it allows an account this."""
        return (
            (self.account, self.verb, self.group, self.resource) == (account, asked.verb, asked.group, asked.resource)
            and self.namespace in ("", asked.namespace)
            and self.name in ("", asked.name)
        )


class Rights:
    """What is granted, what of it was used, and what was refused."""

    def __init__(self, manifests: Sequence[Manifest]) -> None:
        self.granted = frozenset(_grants(manifests))
        self.used: set[Grant] = set()
        self.refused: list[tuple[str, Asked]] = []

    def covers(self, account: str, asked: Asked) -> bool:
        """Whether an account may, which is asked only."""
        return any(grant.covers(account, asked) for grant in self.granted)

    def allow(self, account: str, asked: Asked) -> bool:
        """Whether an account may, which is remembered. Of several grants the narrowest is the one that was used."""
        covering = [grant for grant in self.granted if grant.covers(account, asked)]
        if not covering:
            self.refused.append((account, asked))
            return False
        self.used.add(max(covering, key=lambda grant: (bool(grant.name), bool(grant.namespace))))
        return True


def _grants(manifests: Sequence[Manifest]) -> Iterator[Grant]:
    roles = {_place(one): one for one in manifests if one["kind"] in ("Role", "ClusterRole")}
    for binding in manifests:
        if binding["kind"] not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        place = str(binding["metadata"].get("namespace", ""))
        reference = binding["roleRef"]
        role = roles[reference["kind"], place if reference["kind"] == "Role" else "", reference["name"]]
        for account in map(_account, binding["subjects"]):
            for rule in role["rules"]:
                yield from _of_rule(account, place, rule)


def _of_rule(account: str, namespace: str, rule: Manifest) -> Iterator[Grant]:
    named: Iterable[str] = rule.get("resourceNames") or ("",)
    for verb in rule["verbs"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for name in named:
                    if "*" in (verb, group, resource):
                        raise ValueError(f"rule {rule}: write down what * is to stand for, so that it can be reviewed")
                    yield Grant(account, verb, group, resource, namespace, name)


def _place(role: Manifest) -> tuple[str, str, str]:
    return role["kind"], str(role["metadata"].get("namespace", "")), role["metadata"]["name"]


def _account(subject: Manifest) -> str:
    if subject["kind"] != "ServiceAccount":
        raise ValueError(f"subject {subject}: only service accounts are known here")
    return f"system:serviceaccount:{subject['namespace']}:{subject['name']}"
