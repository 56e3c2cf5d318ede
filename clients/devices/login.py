"""How Berth logs in, with the secrets themselves; nothing of it can be printed."""

from dataclasses import dataclass

from paramiko import PKey


@dataclass(frozen=True, repr=False)
class Login:
    """A user with one way or several to prove it."""

    username: str
    password: str | None = None
    private_key: PKey | None = None
    agent: bool = False
    """Offer the keys of the SSH agent, too."""
    enable_secret: str | None = None
    secrets: tuple[str, ...] = ()
    """Whatever else must never be written, e.g. a passphrase and the text of the key."""

    def __repr__(self) -> str:
        return f"Login(username={self.username!r})"

    def unspeakable(self) -> tuple[str, ...]:
        """Every text that must not appear in a log."""
        return tuple(text for text in (self.password, self.enable_secret, *self.secrets) if text)
