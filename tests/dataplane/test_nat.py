"""Real packets through a translator that is driven over SSH: nftables 1:1 NAT in network namespaces."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clients.errors import RefusedError, UnavailableError
from tenancy.announcement import Translation
from tests.dataplane.translator import CLIENT, EXTERNAL, PUBLIC, SERVICE, Edge, missing, pairs, running_edge

if reason := missing():
    pytest.skip(f"no translator here: {reason}", allow_module_level=True)

ACME, GLOBEX = pairs(0), pairs(1)


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Edge]:
    async with running_edge(tmp_path) as running:
        yield running


async def reached(edge: Edge, number: int = 0, versions: tuple[int, ...] = (4, 6)) -> set[int]:
    """The families, of these, in which a tenant's public address answers, both ways and under its own name."""
    found = set()
    for version in versions:
        public, external = PUBLIC[version][number], EXTERNAL[version][number]
        if not await edge.answers(public):
            continue
        # Inwards the host sees the client; outwards the client sees the public address.
        assert await edge.seen_as("client", public) == CLIENT[version]
        assert await edge.seen_as("host", CLIENT[version], external) == public
        found.add(version)
    return found


async def look(edge: Edge, tenant: str = "acme", translations: tuple[Translation, ...] = ACME) -> tuple[str, ...]:
    return (await edge.done("look", tenant, translations)).in_force


async def test_a_public_address_reaches_the_host_both_ways_until_it_is_taken_away(edge: Edge) -> None:
    assert await look(edge) == ()
    assert await reached(edge) == set()
    await edge.done("translate", "acme", ACME)
    assert await reached(edge) == {4, 6}
    assert await look(edge) == tuple(pair.public for pair in ACME)
    assert await look(edge, "globex") == ()
    await edge.done("untranslate", "acme", ACME)
    assert await reached(edge) == set()
    assert await look(edge) == ()
    for version in (4, 6):
        assert await edge.seen_as("host", CLIENT[version], EXTERNAL[version][0]) == EXTERNAL[version][0]


async def test_an_open_connection_that_keeps_talking_ends_with_its_translation(edge: Edge) -> None:
    await edge.done("translate", "acme", ACME)
    inwards = [await edge.connect("client", PUBLIC[version][0]) for version in (4, 6)]
    outwards = [await edge.connect("host", CLIENT[version], EXTERNAL[version][0]) for version in (4, 6)]
    for one in (*inwards, *outwards):
        assert await one.say("hello") == "hello"
    await edge.done("untranslate", "acme", ACME)
    for one in (*inwards, *outwards):
        with pytest.raises(OSError, match=r"."):
            await one.say("still there?")


async def test_asked_again_nothing_is_sent_to_nft_and_open_connections_go_on(edge: Edge) -> None:
    first = await edge.done("translate", "acme", ACME)
    assert [line for line in first.lines if line.startswith("add element")]
    talking = await edge.connect("client", PUBLIC[4][0])
    again = await edge.done("translate", "acme", ACME)
    assert again.lines == ()
    assert await talking.say("hello") == "hello"
    await edge.done("untranslate", "acme", ACME)
    again = await edge.done("untranslate", "acme", ACME)
    assert not [line for line in again.lines if "element" in line]


async def test_a_connection_that_began_before_the_translation_begins_anew_with_it(edge: Edge) -> None:
    before = await edge.connect("host", CLIENT[4], EXTERNAL[4][0])
    assert before.seen_as == EXTERNAL[4][0]
    await edge.done("translate", "acme", ACME)
    # The client knows no connection with the public address, and resets it.
    with pytest.raises(OSError, match=r"."):
        await before.say("hello")
    assert await edge.seen_as("host", CLIENT[4], EXTERNAL[4][0]) == PUBLIC[4][0]


async def test_what_is_saved_is_what_a_restart_brings_back(edge: Edge) -> None:
    await edge.done("translate", "acme", ACME)
    await edge.done("translate", "globex", GLOBEX)
    await edge.restart()
    assert (await reached(edge, 0), await reached(edge, 1)) == ({4, 6}, {4, 6})
    await edge.on("edge", "nft", "-f", "/etc/nftables.d/berth.nft")  # loaded twice, it is the same
    assert (await edge.done("translate", "acme", ACME)).lines == ()
    await edge.done("untranslate", "acme", ACME)
    await edge.restart()
    assert (await reached(edge, 0), await reached(edge, 1)) == (set(), {4, 6})


async def test_after_a_flush_by_hand_the_next_change_forgets_nobody(edge: Edge) -> None:
    await edge.done("translate", "acme", ACME)
    await edge.on("edge", "nft", "flush", "ruleset")
    assert await look(edge) == ()
    await edge.done("translate", "globex", GLOBEX)
    await edge.restart()
    assert (await reached(edge, 0), await reached(edge, 1)) == ({4, 6}, {4, 6})


async def test_of_two_tenants_in_one_session_one_is_refused_what_is_not_its_own(edge: Edge) -> None:
    await edge.done("translate", "initech", pairs(0, 4))
    refused, fine = await edge.work(
        edge.request("translate", "acme", ACME), edge.request("translate", "globex", GLOBEX)
    )
    assert (refused.result, refused.reason, refused.lines) == ("refused", "foreign-translation", ())
    assert PUBLIC[4][0] in refused.message
    assert "berth-initech" in refused.message
    assert fine.result == "done"
    assert await reached(edge, 1) == {4, 6}
    # Of the one that was refused nothing is there, its other family neither.
    assert await reached(edge, 0) == {4}
    assert (await edge.ask("untranslate", "acme", ACME)).reason == "foreign-translation"
    assert await look(edge, "initech") == (PUBLIC[4][0],)


@pytest.mark.parametrize("element", ["public4 { 203.0.113.12 : 10.9.0.10 }", "external4 { 10.9.0.10 : 203.0.113.12 }"])
async def test_an_external_address_that_somebody_mapped_by_hand_is_foreign(edge: Edge, element: str) -> None:
    await edge.done("translate", "globex", GLOBEX)
    await edge.on("edge", "nft", f"add element inet berth {element}")
    assert (await edge.ask("translate", "acme", ACME)).reason == "foreign-translation"
    assert await look(edge) == ()
    await edge.on("edge", "nft", f"delete element inet berth {element.split(' : ')[0]} }}")
    await edge.done("translate", "acme", ACME)


async def test_a_tenants_own_address_is_mapped_anew_and_its_old_connections_end(edge: Edge) -> None:
    await edge.done("translate", "acme", pairs(0, 4))
    talking = await edge.connect("client", PUBLIC[4][0])
    moved = Translation(public=PUBLIC[4][0], external=EXTERNAL[4][2])
    await edge.done("translate", "acme", [moved])
    with pytest.raises(OSError, match=r"."):
        await talking.say("still there?")
    assert await edge.seen_as("host", CLIENT[4], EXTERNAL[4][2]) == PUBLIC[4][0]
    assert await edge.seen_as("host", CLIENT[4], EXTERNAL[4][0]) == EXTERNAL[4][0]
    assert await look(edge) == ()
    assert await look(edge, translations=(moved,)) == (PUBLIC[4][0],)


async def test_one_session_takes_an_address_from_one_tenant_and_gives_it_to_another(edge: Edge) -> None:
    await edge.done("translate", "acme", ACME)
    talking = await edge.connect("client", PUBLIC[4][0])
    given = Translation(public=PUBLIC[4][0], external=EXTERNAL[4][1])
    outcomes = await edge.work(edge.request("untranslate", "acme", ACME), edge.request("translate", "globex", [given]))
    assert [outcome.result for outcome in outcomes] == ["done", "done"]
    with pytest.raises(OSError, match=r"."):
        await talking.say("still there?")
    assert await edge.seen_as("host", CLIENT[4], EXTERNAL[4][1]) == PUBLIC[4][0]
    assert await look(edge) == ()


async def test_what_nft_rejects_is_refused_alone_with_its_words(edge: Edge) -> None:
    nft = edge.folder / "nft"
    real = edge.folder / "nft-real"
    await edge.on("edge", "cp", "/usr/sbin/nft", str(real))
    nft.write_text(
        "#!/bin/sh\n"
        'case "$*" in *"-f -") ;; *) exec ' + f"{real}" + ' "$@";; esac\n'
        f't=$(cat); case "$t" in *"{PUBLIC[4][0]}"*) echo "Error: Could not process rule: No space left"; exit 1;; esac\n'
        f'printf %s "$t" | exec {real} "$@"\n'
    )
    nft.chmod(0o755)
    await edge.on("edge", "mount", "--bind", str(nft), "/usr/sbin/nft")
    refused, fine = await edge.work(
        edge.request("translate", "acme", ACME), edge.request("translate", "globex", GLOBEX)
    )
    assert (refused.result, refused.reason, refused.lines) == ("refused", "rejected", ())
    assert "No space left" in refused.message
    assert fine.result == "done"
    await edge.restart()
    assert (await reached(edge, 0), await reached(edge, 1)) == (set(), {4, 6})


async def test_what_cannot_be_saved_is_never_done(edge: Edge) -> None:
    folder = "/etc/nftables.d"
    await edge.on("edge", "mount", "--bind", folder, folder)
    await edge.on("edge", "mount", "-o", "remount,ro,bind", folder)
    for _ in range(2):
        with pytest.raises(UnavailableError, match=r"Read-only file system.*would be lost in a restart"):
            await edge.ask("translate", "acme", ACME)
    await edge.on("edge", "umount", folder)
    await edge.done("translate", "acme", ACME)
    await edge.restart()
    assert await reached(edge) == {4, 6}


@pytest.mark.parametrize(
    ("lacking", "remedy"),
    [
        ("nftables.conf", 'include "/etc/nftables.d'),
        ("nftables.d", "make the folder"),
        ("systemd/system/sysinit.target.wants/nftables.service", "systemctl enable nftables"),
    ],
)
async def test_a_device_that_would_not_load_what_is_saved_is_not_changed(edge: Edge, lacking: str, remedy: str) -> None:
    path = edge.folder / "etc" / lacking
    path.rename(edge.folder / "aside")
    outcome = await edge.ask("translate", "acme", ACME)
    assert (outcome.result, outcome.reason) == ("refused", "rejected")
    assert remedy in outcome.message
    (gap,) = (await edge.examined()).gaps
    assert remedy in gap
    assert "berth" not in await edge.on("edge", "nft", "list", "tables")
    (edge.folder / "aside").rename(path)
    assert (await edge.examined()).gaps == ()
    await edge.done("translate", "acme", ACME)


@pytest.mark.parametrize(
    "line",
    [
        "add chain inet berth forward",
        "add map inet berth public4 { type ipv4_addr : ipv4_addr; flags timeout; }",
        "add rule inet berth prerouting counter",
    ],
)
async def test_a_table_of_the_same_name_and_another_shape_is_left_alone(edge: Edge, line: str) -> None:
    if "rule" in line:
        await edge.done("translate", "globex", GLOBEX)
    else:
        await edge.on("edge", "nft", "add table inet berth")
    await edge.on("edge", "nft", line)
    before = await edge.on("edge", "nft", "list", "ruleset")
    for action in ("translate", "untranslate", "look"):
        outcome = await edge.ask(action, "acme", ACME)
        assert (outcome.result, outcome.reason) == ("refused", "foreign-translation")
        assert "nft delete table inet berth" in outcome.message
    assert await edge.on("edge", "nft", "list", "ruleset") == before


async def test_a_masquerade_for_everybody_does_not_come_before_a_tenants_own_address(edge: Edge) -> None:
    await edge.on("edge", "nft", "add table ip nat")
    await edge.on("edge", "nft", "add chain ip nat post { type nat hook postrouting priority srcnat; }")
    await edge.on("edge", "nft", "add rule ip nat post oifname to-client masquerade")
    await edge.done("translate", "acme", ACME)
    assert await reached(edge) == {4, 6}
    assert "masquerade" in await edge.on("edge", "nft", "list", "table", "ip", "nat")


async def test_a_login_with_a_noisy_profile_is_as_good_as_any(edge: Edge) -> None:
    (edge.folder / "bashrc").write_text(
        "echo Welcome; set -o noclobber; alias nft=false; export LC_ALL=de_DE.UTF-8\n"
        r"PROMPT_COMMAND='echo -ne \"\e]0;edge\a\"'; PS1='\[\e[1;31m\]\u@\h:\w\$\[\e[0m\] '"
    )
    await edge.done("translate", "acme", ACME)
    assert await reached(edge) == {4, 6}


async def test_a_login_that_is_not_root_is_refused_with_what_to_do(edge: Edge) -> None:
    fake = edge.folder / "id"
    fake.write_text("#!/bin/sh\necho 1000\n")
    fake.chmod(0o755)
    await edge.on("edge", "mount", "--bind", str(fake), "/usr/bin/id")
    with pytest.raises(RefusedError, match="log in as root") as refused:
        await edge.ask("look", "acme", ACME)
    assert refused.value.reason == "login-refused"


class Cut:
    """Ends the SSH session right before the line of this number that may change something."""

    def __init__(self, edge: Edge, before: int | None) -> None:
        self.edge, self.before, self.asked = edge, before, 0

    def __call__(self) -> bool:
        if self.asked == self.before:
            self.edge.server.cut()
        self.asked += 1
        return True


@pytest.mark.timeout(500)  # half a minute where nothing else runs
async def test_a_translation_cut_off_between_any_two_lines_is_whole_after_the_next_try(edge: Edge) -> None:
    translations = pairs(0, 4)
    lines = edge.alive = Cut(edge, None)
    await edge.done("translate", "acme", translations)
    for number in range(lines.asked):
        await edge.wipe()
        edge.alive = Cut(edge, number)
        with pytest.raises(UnavailableError):
            await edge.ask("translate", "acme", translations)
        edge.alive = lambda: True
        await edge.done("translate", "acme", translations)
        await edge.restart()
        assert await reached(edge, versions=(4,)) == {4}, f"cut before line {number}"


@pytest.mark.timeout(500)  # half a minute where nothing else runs
async def test_an_end_cut_off_between_any_two_lines_is_whole_after_the_next_try(edge: Edge) -> None:
    translations = pairs(0, 4)
    await edge.done("translate", "acme", translations)
    lines = edge.alive = Cut(edge, None)
    await edge.done("untranslate", "acme", translations)
    for number in range(lines.asked):
        edge.alive = lambda: True
        await edge.done("translate", "acme", translations)
        await edge.connect("client", PUBLIC[4][0])
        edge.alive = Cut(edge, number)
        with pytest.raises(UnavailableError):
            await edge.ask("untranslate", "acme", translations)
        edge.alive = lambda: True
        await edge.done("untranslate", "acme", translations)
        flows = await edge.on("edge", "conntrack", "-L", "--orig-dst", PUBLIC[4][0], "--reply-src", EXTERNAL[4][0])
        assert f"dport={SERVICE}" not in flows, f"cut before line {number}"
        await edge.restart()
        assert await reached(edge, versions=(4,)) == set(), f"cut before line {number}"


async def test_old_connections_of_an_address_mapped_anew_end_although_the_first_try_died_before_that(
    edge: Edge,
) -> None:
    await edge.done("translate", "acme", pairs(0, 4))
    talking = await edge.connect("client", PUBLIC[4][0])
    moved = Translation(public=PUBLIC[4][0], external=EXTERNAL[4][2])
    edge.alive = Cut(edge, 2)  # after nft's check and the transaction
    with pytest.raises(UnavailableError):
        await edge.ask("translate", "acme", [moved])
    edge.alive = lambda: True
    assert await look(edge, translations=(moved,)) == (PUBLIC[4][0],)
    assert await talking.say("still there?") == "still there?"
    await edge.done("translate", "acme", [moved])
    with pytest.raises(OSError, match=r"."):
        await talking.say("still there?")


async def test_a_worker_that_may_no_longer_act_sends_nothing(edge: Edge) -> None:
    edge.alive = lambda: False
    with pytest.raises(UnavailableError, match="nothing more was sent"):
        await edge.ask("translate", "acme", ACME)
    assert await edge.on("edge", "nft", "list", "ruleset") == ""
