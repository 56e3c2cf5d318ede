"""Where a setting comes from, and what is said of one that makes no sense."""

from pathlib import Path

import pytest

from workers.settings import ConfigurationError, Settings, load_settings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where berth.toml is looked for; nothing of the shell's own settings is seen."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"BERTH_{name.upper()}", raising=False)
    return tmp_path


def refusal(**overrides: object) -> str:
    with pytest.raises(ConfigurationError) as refused:
        load_settings(**overrides)
    message = str(refused.value)
    assert message.isprintable(), message
    return message


def test_an_argument_wins_over_the_environment_and_that_over_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings().kube_pool_size == 32
    (folder / "berth.toml").write_text('kube_pool_size = 11\ntask_queue = "of-the-file"\nlog_format = "json"\n')
    assert load_settings().kube_pool_size == 11
    monkeypatch.setenv("BERTH_KUBE_POOL_SIZE", "12")
    monkeypatch.setenv("BERTH_TASK_QUEUE", "of-the-environment")
    assert load_settings().kube_pool_size == 12

    settings = load_settings(kube_pool_size=13, task_queue=None)

    assert (settings.kube_pool_size, settings.task_queue, settings.log_format) == (13, "of-the-environment", "json")


def test_every_bad_value_is_named_in_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "berth.toml").write_text("ready_deadline = -1\n")
    monkeypatch.setenv("BERTH_LOG_LEVEL", "loud\x1b[31m\n")
    message = refusal(kube_pool_size="many")
    for part in (
        "ready_deadline (BERTH_READY_DEADLINE) = -1: Input should be greater than 0",
        "log_level (BERTH_LOG_LEVEL) = 'loud\\x1b[31m\\n': Input should be 'debug', 'info', 'warning' or 'error'",
        "kube_pool_size (BERTH_KUBE_POOL_SIZE) = 'many': Input should be a valid integer",
    ):
        assert part in message


def test_an_unknown_key_is_named_with_what_may_have_been_meant_and_without_its_value(folder: Path) -> None:
    (folder / "berth.toml").write_text('kube_pol_size = 3\ntemporal_api_key = "s3cret"\n"odd\\u001b" = 1\n')
    message = refusal()
    assert "'kube_pol_size': no such setting, did you mean kube_pool_size?" in message
    assert "'temporal_api_key': no such setting" in message
    assert "'odd\\x1b': no such setting" in message
    assert "s3cret" not in message


@pytest.mark.parametrize("content", [b"kube_pool_size =\n", b"\xff\xfe", b"[kube"], ids=["syntax", "bytes", "table"])
def test_a_file_that_cannot_be_read_is_named(folder: Path, content: bytes) -> None:
    (folder / "berth.toml").write_bytes(content)
    assert refusal().startswith("settings file berth.toml cannot be read (")


def test_nothing_is_read_from_an_env_file(folder: Path) -> None:
    (folder / ".env").write_text("BERTH_KUBE_POOL_SIZE=99\n")
    assert load_settings().kube_pool_size == 32
