"""A raw SSH client for the tests: types lines, waits for prompts, remembers what it was told."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncssh

from lab.switches import Login, Switch

PASSWORD = "right-one"
SECRET = "enable-one"
PROMPT = r"(?m)^[\w@.:-]+(\([\w.-]+\))*(>|#|~\$) ?$"


def login(**fields: object) -> Login:
    return Login("berth", PASSWORD, **fields)  # type: ignore[arg-type]


class Client:
    def __init__(self, process: "asyncssh.SSHClientProcess[str]") -> None:
        self._process = process
        self._unread = ""

    async def until(self, pattern: str = PROMPT) -> str:
        """What was printed up to and with the pattern. Raises EOFError where the session ends first."""
        while not (found := re.search(pattern, self._unread)):
            chunk = await self._process.stdout.read(65536)
            if not chunk:
                raise EOFError(self._unread)
            self._unread += chunk.replace("\r\n", "\n")
        text, self._unread = self._unread[: found.end()], self._unread[found.end() :]
        return text

    def type(self, text: str) -> None:
        self._process.stdin.write(text)

    async def send(self, line: str, until: str = PROMPT) -> str:
        """Send a line; returns what is printed, with the echo and the next prompt."""
        self.type(f"{line}\n")
        return await self.until(until)

    async def each(self, *lines: str) -> list[str]:
        return [await self.send(line) for line in lines]

    async def ended(self) -> str:
        """What was printed until the session ended."""
        try:
            while chunk := await self._process.stdout.read(65536):
                self._unread += chunk
        except (asyncssh.Error, OSError):
            pass
        return self._unread


@asynccontextmanager
async def connected(switch: Switch, **options: object) -> AsyncIterator[asyncssh.SSHClientConnection]:
    given: dict[str, object] = {"username": "berth", "password": PASSWORD, "client_keys": None, **options}
    known = asyncssh.import_known_hosts(f"[127.0.0.1]:{switch.port} {switch.host_key}\n")
    connection = await asyncssh.connect(
        "127.0.0.1",
        switch.port,
        known_hosts=known,
        config=None,
        agent_path=None,
        **given,
    )
    try:
        yield connection
    finally:
        connection.abort()
        await connection.wait_closed()


@asynccontextmanager
async def session(
    switch: Switch, *, enable: bool = True, paging: bool = False, **options: object
) -> AsyncIterator[Client]:
    """A session without paging unless asked for, privileged where there is an enable secret."""
    async with connected(switch, **options) as connection:
        process = await connection.create_process(term_type="vt100", encoding="utf-8")
        client = Client(process)
        await client.until()
        if switch.dialect == "vyos":
            await client.send("set terminal length 0")
        elif switch.dialect != "juniper-junos":
            if not paging:
                await client.send("terminal length 0")
            if enable and switch.login.enable_secret:
                await client.send("enable", "assword: $")
                await client.send(SECRET)
        yield client
