"""What kubectl says, in one line."""

from pathlib import Path

import pytest

from kubectl_scim.kubectl import Kubectl, KubectlFailed

_LOGGED = 'E1128 14:11:55.227879    2668 memcache.go:265] "Unhandled Error" err="connection refused"\n'
_SAID = "The connection to the server localhost:8080 was refused\n- did you specify the right host or port?\n"


@pytest.mark.parametrize(
    ("printed", "message"),
    [
        (
            _LOGGED * 5 + _SAID,
            "The connection to the server localhost:8080 was refused - did you specify the right host or port?",
        ),
        (_LOGGED, " ".join(_LOGGED.split())),
        ("", "kubectl ended with status 1"),
    ],
)
def test_what_it_logs_is_left_out(
    printed: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "kubectl"
    program.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{printed}END\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(KubectlFailed) as failed:
        Kubectl().get("pods")
    assert str(failed.value) == message
