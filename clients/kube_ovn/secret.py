"""One value of a Kubernetes Secret, for what the platform's document keeps there. It is in no message of what this raises."""

import base64
import binascii

from clients.errors import UnavailableError
from clients.kube_ovn.client import KubeOvn
from clients.secrets import ReadSecret
from tenancy.kinds import SECRET


def secret_reader(kube: KubeOvn) -> ReadSecret:
    """What `clients.secrets` reads Secrets with."""

    async def read_secret(namespace: str, name: str, key: str) -> str:
        """The value, decoded. Raises as every method of KubeOvn, and UnavailableError where it is not there."""
        found = await kube.get(SECRET, name, namespace)
        data = (found or {}).get("data") or {}
        if found is None or not isinstance(data, dict) or key not in data:
            what = "there is no such Secret" if found is None else f"it has no key {key}"
            raise UnavailableError(f"Secret {namespace}/{name}: {what}: create it, or mend the platform document")
        try:
            return base64.b64decode(data[key], validate=True).decode("utf-8")
        except (binascii.Error, ValueError, TypeError):
            # Without its cause, whose repr holds what was read.
            raise UnavailableError(f"Secret {namespace}/{name}: key {key} is no text in UTF-8: write it anew") from None

    return read_secret
