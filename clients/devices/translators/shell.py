"""A root shell over a session: a command ends with a word nobody else can say, which also tells whether it succeeded."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from clients.devices.command_line import NOTHING, CommandLine
from clients.devices.session import LINE_SECONDS, Session
from clients.errors import RefusedError, UnavailableError
from tenancy.mistakes import shown

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def new_word() -> str:
    """Of one session alone: its prompt, and the end of each answer."""
    return f"berth-{secrets.token_hex(4)}"


def shell_prompting(word: str) -> CommandLine:
    """The login's shell, until the shell of our own has taken its place. A command tells by its exit status what is wrong."""
    prompt = rf"{{host}}[#$]|{word}>"
    return CommandLine(device_type="linux", prompt=prompt, errors=NOTHING, enter=None, end=None, enable=False)


@dataclass(frozen=True)
class Answer:
    """What a command printed, standard error included, and whether it exited with 0."""

    ok: bool
    text: str

    @property
    def words(self) -> str:
        """The line of it that tells what is wrong, made safe to print."""
        lines = [line.strip() for line in self.text.split("\n") if line.strip()]
        said = next((line for line in lines if "Error:" in line), lines[-1] if lines else "it said nothing")
        return shown(re.sub(r"^sh: (?:[0-9]+: )?(?:cannot create \S+ )?|^.*Error: ", "", said))


class Shell:
    """Commands for root's shell, one at a time. Each is built from validated names and addresses only."""

    def __init__(self, session: Session, word: str) -> None:
        self._session, self._word = session, word
        self.where = session.where
        """The device, for a message."""
        # What the login's own profile sets must not decide how a command is read. Without a history nothing is left behind.
        session.read(f"exec env -i PATH={PATH} LC_ALL=C PS1='{word}> ' sh")
        session.read(f"y() {{ echo {word} yes; }}; n() {{ echo {word} no; }}")
        who = self.read("id -u")
        if not who.ok or who.text.strip() != "0":
            raise RefusedError(
                f"{self.where}: the login's user ID is {shown(who.text.strip())}, and nftables obeys root alone: log in as "
                "root, or give this login a root shell (in sshd_config: Match User ..., ForceCommand sudo -n -s)",
                reason="login-refused",
            )

    def read(self, command: str, *, seconds: float = LINE_SECONDS) -> Answer:
        """The answer to a command that changes nothing."""
        return self._told(command, lambda line: self._session.read(line, seconds=seconds))

    def change(self, command: str, *, seconds: float = LINE_SECONDS) -> Answer:
        """The answer to one that may; not sent where another worker may be at work, which raises UnavailableError."""
        return self._told(command, lambda line: self._session.change(line, seconds=seconds))

    def unclear(self, command: str, answer: Answer) -> UnavailableError:
        """The error for a failure that nobody has foreseen."""
        return UnavailableError(f"{self.where}: `{command}` failed: {answer.words}: the next try reads what there is")

    def _told(self, command: str, send: Callable[[str], str]) -> Answer:
        output = send(f"{command} && y || n")
        ended = re.search(rf"{self._word} (yes|no)\s*\Z", output)
        if ended is None:
            raise UnavailableError(
                f"{self.where}: the answer to `{command}` does not tell how it ended: {shown(output.strip())}: the next try "
                "reads what there is"
            )
        return Answer(ended[1] == "yes", output[: ended.start()])
