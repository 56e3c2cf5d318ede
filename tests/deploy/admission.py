"""deploy/kubernetes/admission, judged as the API server judges a write."""

from collections.abc import Mapping
from typing import Any

import cel

from tests.deploy.rendering import Manifest, rendered

POLICY, BINDING = rendered("admission")


def refusals(
    account: str,
    operation: str,
    group: str,
    plural: str,
    namespace: str,
    before: Manifest | None,
    after: Manifest | None,
) -> list[str]:
    """Why a write is not let through; nothing where it is. CREATE has no `before`, DELETE no `after`."""
    spec = POLICY["spec"]
    rules = spec["matchConstraints"]["resourceRules"]
    request = {
        "operation": operation,
        "namespace": namespace,
        "resource": {"group": group, "resource": plural},
        "userInfo": {"username": account},
    }
    given: dict[str, Any] = {"request": request, "object": after, "oldObject": before}
    if not any(_matches(rule, operation, group, plural) for rule in rules):
        return []
    if not all(cel.evaluate(one["expression"], given) for one in spec["matchConditions"]):
        return []
    variables: dict[str, Any] = {}
    for one in spec["variables"]:
        variables[one["name"]] = cel.evaluate(one["expression"], {**given, "variables": variables})
    given["variables"] = variables
    return [one["message"] for one in spec["validations"] if cel.evaluate(one["expression"], given) is not True]


def _matches(rule: Mapping[str, Any], operation: str, group: str, plural: str) -> bool:
    return (
        operation in rule["operations"]
        and group in rule["apiGroups"]
        and (plural in rule["resources"] or "*" in rule["resources"])
    )
