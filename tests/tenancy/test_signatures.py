"""SSH signatures as the real ssh-keygen makes them; everything else is refused in words, and nothing raises."""

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenancy.approval import SIGNATURE_NAMESPACE, Decision, Preview, SwitchLines, statement
from tenancy.signatures import BEGIN, END, LONGEST_SIGNATURE, refusal_of_signature
from tests.signing import Signer, signer

AT = "2026-11-24T12:00:00.5+00:00"
VERSION_1 = b"SSHSIG\0\0\0\1"
TEXT = 'decision: "approve"\n'


def armour(blob: bytes) -> str:
    return f"{BEGIN}\n{base64.b64encode(blob).decode()}\n{END}\n"


def blob_of(armoured: str) -> bytes:
    return base64.b64decode("".join(armoured.split("\n")[1:-2]))


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Signer]:
    folder = tmp_path_factory.mktemp("keys")
    kinds: list[tuple[str, str, int | None]] = [
        ("ed25519", "ed25519", None),
        ("rsa", "rsa", 2048),
        ("short", "rsa", 1024),
        ("ecdsa", "ecdsa", 256),
    ]
    return {word: signer(folder, "olga", kind, bits) for word, kind, bits in kinds}


@pytest.fixture(scope="session")
def olga(keys: dict[str, Signer]) -> Signer:
    return keys["ed25519"]


@pytest.fixture(scope="session")
def armoured(olga: Signer) -> str:
    return olga.sign(TEXT)


def refusal(
    signature: str, text: str = TEXT, *, allowed: str, principal: str = "olga", at: str = AT, **more: Any
) -> str | None:
    return refusal_of_signature(
        signature,
        text,
        **{"namespace": SIGNATURE_NAMESPACE, **more},
        principal=principal,
        allowed_signers=allowed,
        at=at,
    )


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
@pytest.mark.parametrize("hash_", ["sha256", "sha512"])
def test_a_signature_of_ssh_keygen_is_accepted(keys: dict[str, Signer], kind: str, hash_: str) -> None:
    key = keys[kind]
    assert refusal(key.sign(TEXT, hash=hash_), allowed=key.line()) is None
    assert "something else was signed" in str(refusal(key.sign(TEXT), TEXT + " ", allowed=key.line()))


@pytest.mark.parametrize(
    ("kind", "why"), [("short", "RSA key has 1024 bits, expected 2048 to 16384"), ("ecdsa", "is of type 'ecdsa-")]
)
def test_a_weak_or_unknown_key_is_refused_though_it_is_listed(keys: dict[str, Signer], kind: str, why: str) -> None:
    assert why in str(refusal(keys[kind].sign(TEXT), allowed=keys[kind].line()))


def test_blanks_and_line_ends_around_it_do_not_matter(olga: Signer, armoured: str) -> None:
    for same in (armoured.replace("\n", "\r\n"), f" \n{armoured}\n", " ".join(armoured.split("\n"))):
        assert refusal(same, allowed=olga.line()) is None


def test_a_signature_made_for_something_else_is_refused(olga: Signer) -> None:
    assert "made in namespace 'git', expected 'berth-approval'" in str(
        refusal(olga.sign(TEXT, namespace="git"), allowed=olga.line())
    )


@pytest.mark.parametrize(
    ("hostile", "why"),
    [
        ("", "is not what stands in the .sig file"),
        (BEGIN, "is not what stands in the .sig file"),
        (BEGIN + END, "is cut off"),
        (BEGIN[:-1] + END, "is not what stands in the .sig file"),
        (f"{BEGIN}\n!!!!\n{END}", "is no base64"),
        (f"{BEGIN}\nUw\n{END}", "is no base64"),
        (f"{BEGIN}\nU1NIU0lH\n{END}", "is cut off"),
        (armour(b"SSHSIG\0\0\0\2"), "version 1"),
        (armour(VERSION_1 + b"\xff" * 8), "is cut off"),
        ("-----BEGIN PGP SIGNATURE-----\nAAAA\n-----END PGP SIGNATURE-----", "is not what stands in the .sig file"),
        ("x" * (LONGEST_SIGNATURE + 1), f"at most {LONGEST_SIGNATURE} are expected"),
        ("\ud800é\0", "is not what stands in the .sig file"),
    ],
)
def test_what_is_no_signature_is_refused(olga: Signer, hostile: str, why: str) -> None:
    assert why in str(refusal(hostile, allowed=olga.line()))


def test_every_flipped_bit_is_refused(olga: Signer, armoured: str) -> None:
    blob = blob_of(armoured)
    for bit in range(len(blob) * 8):
        flipped = bytearray(blob)
        flipped[bit // 8] ^= 1 << bit % 8
        assert refusal(armour(bytes(flipped)), allowed=olga.line()) is not None, bit


def test_every_flipped_bit_of_the_armour_is_refused(olga: Signer, armoured: str) -> None:
    for bit in range(len(armoured) * 7):
        place = bit // 7
        text = armoured[:place] + chr(ord(armoured[place]) ^ (1 << bit % 7)) + armoured[place + 1 :]
        assert refusal(text, allowed=olga.line()) is not None, (place, bit % 7)


def test_every_shorter_and_every_longer_one_is_refused(olga: Signer, armoured: str) -> None:
    blob = blob_of(armoured)
    for changed in (*(blob[:length] for length in range(len(blob))), blob + b"\0", blob + blob):
        assert refusal(armour(changed), allowed=olga.line()) is not None


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.text(), st.binary(max_size=300), st.text(), st.text(), st.text())
def test_nothing_raises(armoured: str, blob: bytes, allowed: str, principal: str, at: str) -> None:
    for text in (armoured, armour(VERSION_1 + blob)):
        assert isinstance(refusal(text, armoured, allowed=allowed, principal=principal, at=at), str)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(
    line=st.text(alphabet='olga ,!*?"=\\#\n\tnamespaces-valid-after-before0123456789Zz+/'), at=st.sampled_from([AT, ""])
)
def test_no_allowed_signers_file_raises(olga: Signer, armoured: str, line: str, at: str) -> None:
    told = refusal(armoured, allowed=line + olga.public, at=at)
    assert told is None or told.isprintable()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("word", "reject"),
        ("tenant", "acme2"),
        ("run", "another"),
        ("plan", "0" * 64),
        ("by", "oskar"),
        ("vlan", 121),
        ("comment", "fine."),
    ],
)
def test_no_part_of_the_statement_can_be_changed(olga: Signer, field: str, value: Any) -> None:
    shown = Preview(
        tenant="acme",
        run="one",
        vlan=120,
        requested_by="anna",
        by_hand=True,
        switches=(SwitchLines(switch="leaf-1", lines=("vlan 120",)),),
        plan="1" * 64,
    )
    decision = Decision(plan=shown.hash, by="olga", comment="fine", vlan=120)
    signature = olga.sign(statement("approve", shown, decision))
    word: Any = value if field == "word" else "approve"
    other = shown.model_copy(update={field: value} if field in ("tenant", "run") else {})
    changed = decision.model_copy(update={field: value} if field in ("plan", "by", "vlan", "comment") else {})
    assert refusal(signature, statement("approve", shown, decision), allowed=olga.line()) is None
    allowed = olga.line().replace("olga ", "olga,oskar ")
    assert "something else was signed" in str(refusal(signature, statement(word, other, changed), allowed=allowed))


@pytest.mark.parametrize(
    ("principals", "name", "good"),
    [
        ("olga", "olga", True),
        ("olga", "Olga", False),
        ("*", "olga", True),
        ("*@example.net", "olga@example.net", True),
        ("*@example.net", "olga@example.org", False),
        ("ol?a", "olga", True),
        ("anna,olga", "olga", True),
        ("!olga,*", "olga", False),
        ("*,!olga", "olga", False),
        ("!anna", "olga", False),
        ("[o]lga", "olga", False),
        ('"olga,anna"', "olga", True),
        ("", "olga", False),
    ],
)
def test_principals_match_as_openssh_says(olga: Signer, armoured: str, principals: str, name: str, good: bool) -> None:
    told = refusal(armoured, allowed=f"{principals} {olga.public}", principal=name)
    assert (told is None) is good, told


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("", None),
        ('namespaces="berth-approval"', None),
        ('namespaces="git,berth-*"', None),
        ('NAMESPACES="berth-approval",valid-after="20261124Z"', None),
        ('valid-before="20261124120000Z"', None),
        ('valid-after="202611241200Z",valid-before="20270101Z"', None),
        ('namespaces="git"', "line 2 of the allowed-signers file: only for namespaces 'git'"),
        ('namespaces="*,!berth-approval"', "only for namespaces"),
        ('valid-after="20261124120001Z"', "valid only after 20261124120001Z"),
        ('valid-before="20261124115959Z"', "valid only before 20261124115959Z"),
        ("cert-authority", "cert-authority is not supported: list each approver's own key"),
        ('cert-authority,namespaces="berth-approval"', "cert-authority is not supported"),
        ('valid-after="20261124"', "line 2 of the allowed-signers file cannot be read: valid-after is '20261124'"),
        ('valid-before="20261399Z"', "expected UTC with a Z at its end"),
        ('valid-after="yesterday"', "expected UTC with a Z at its end"),
        ('namespaces="git",namespaces="berth-approval"', "namespaces stands there twice"),
        ("no-touch-required", "is no option of it"),
        ('namespaces="berth-approval', "cannot be read"),
        ("namespaces=berth-approval", "is no option of it"),
    ],
)
def test_options_of_a_line_count(olga: Signer, armoured: str, options: str, why: str | None) -> None:
    told = refusal(armoured, allowed=f"# approvers\n{olga.line(options)}\n")
    assert (told is None) if why is None else (why in str(told)), told


def test_one_of_several_lines_is_enough(keys: dict[str, Signer], olga: Signer, armoured: str) -> None:
    others = keys["rsa"].line() + keys["ecdsa"].line() + olga.line('valid-before="20200101Z"')
    assert "valid only before 20200101Z" in str(refusal(armoured, allowed=others))
    assert refusal(armoured, allowed=others + olga.line()) is None


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("olga", "expected principals, options and a public key"),
        ("olga ssh-ed25519", "cannot be read"),
        ("olga ssh-ed25519 !!!", "is no base64"),
        ("olga ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIA==", "is not of the type it says"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(armoured: str, line: str, why: str) -> None:
    told = str(refusal(armoured, allowed=line))
    assert told.startswith("line 1 of the allowed-signers file cannot be read: ")
    assert why in told


def test_an_empty_file_allows_nobody_and_says_which_key_it_was(armoured: str) -> None:
    assert "its key SHA256:" in str(refusal(armoured, allowed=""))


@pytest.mark.parametrize("at", ["", "now", "2026-11-24", "2026-11-24T12:00:00", "2026-11-24T12:00:00+01:00"])
def test_a_time_that_is_not_utc_is_refused(olga: Signer, armoured: str, at: str) -> None:
    assert "expected ISO 8601 in UTC" in str(refusal(armoured, allowed=olga.line(), at=at))
