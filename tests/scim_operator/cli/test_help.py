"""The help of both programs, and what they say of a command line that is wrong."""

import inspect
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from scim_operator.cli.local import local
from scim_operator.cli.quickstart import quickstart
from scim_operator.cli.render import render
from scim_operator.cli.run import run
from scim_operator.cli.validate import validate
from scim_server.cli import openapi, serve
from tests.support.warm_programs import run_program

COMMANDS: dict[tuple[str, ...], Callable[..., Any]] = {
    ("scim-operator", "run"): run,
    ("scim-operator", "local"): local,
    ("scim-operator", "validate"): validate,
    ("scim-operator", "render"): render,
    ("scim-operator", "quickstart"): quickstart,
    ("scim-server",): serve,
    ("scim-server", "openapi"): openapi,
}
every_command = pytest.mark.parametrize("command", [("scim-operator",), *COMMANDS], ids=" ".join)


def call(*command: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return run_program(*command, environment={"COLUMNS": "80"} | (environment or {}))


def typed(function: Callable[..., Any]) -> set[str]:
    """The options and environment variables of a command, as its function declares them."""
    words = set()
    hints = get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        for declared in getattr(hints[name], "__metadata__", ()):
            if type(declared).__name__ == "OptionInfo":
                # Within `Annotated`, what is written first counts as the default.
                given = (declared.default, *(declared.param_decls or ()))
                decls = {decl for decl in given if isinstance(decl, str)}
                words |= decls or {f"--{name.replace('_', '-')}"}
                words |= {declared.envvar} if declared.envvar else set()
        if parameter.default is True:
            words.add(f"--no-{name.replace('_', '-')}")
    return words


@pytest.mark.parametrize(("command", "function"), COMMANDS.items(), ids=map(" ".join, COMMANDS))
def test_all_that_is_to_be_typed_can_be_read(command: tuple[str, ...], function: Callable[..., Any]) -> None:
    result = call(*command, "--help")

    assert (result.returncode, result.stderr) == (0, "")
    shown = set(re.split(r"[\s,;\[\]]+", result.stdout))
    assert typed(function) - shown == set()


@every_command
def test_help_wraps_plainly_at_80_columns(command: tuple[str, ...]) -> None:
    text = call(*command, "--help").stdout

    assert text.startswith(f"Usage: {' '.join(command)} ")
    assert max(map(len, text.splitlines())) <= 80
    assert re.findall("[│╭╰…]|<bool>|<list", text.replace("postgresql://…", "")) == []


@every_command
def test_h_is_help(command: tuple[str, ...]) -> None:
    assert call(*command, "-h").stdout == call(*command, "--help").stdout != ""


def test_the_commands_are_listed_with_what_they_do() -> None:
    helped, version = call("scim-operator", "--help"), call("scim-operator", "--version")

    for command in ("run", "local", "validate", "render", "quickstart"):
        assert re.search(rf"(?m)^  {command} +[A-Z].*\.$", helped.stdout)
    assert (helped.returncode, version.returncode) == (0, 0)
    assert version.stdout.startswith("scim-operator 0.")


def test_without_a_command_the_help_goes_to_standard_error() -> None:
    result = call("scim-operator")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == call("scim-operator", "--help").stdout


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("scim-operator validat x", "scim-operator: No such command 'validat'. Did you mean 'validate'?"),
        ("scim-operator frobnicate", "scim-operator: No such command 'frobnicate'."),
        ("scim-operator local --port abc x", "scim-operator local: --port: "),
        ("scim-operator local", "scim-operator local: give the manifests, as PATH or -f PATH"),
        ("scim-operator local a b", "scim-operator local: Got unexpected extra argument"),
        ("scim-operator local a -f b", "scim-operator local: one PATH is expected"),
        ("scim-operator quickstart a -f b", "scim-operator quickstart: one PATH is expected"),
        ("scim-operator local --prot 1", "scim-operator local: No such option: --prot ("),
        ("scim-operator validate -o sarif x", "scim-operator validate: --output / -o: "),
        ("scim-operator run", "scim-operator run: --management-token-file: a value is required"),
        (
            "scim-operator run --management-token-file {file}",
            "scim-operator run: give --server-service, or --replica for each server",
        ),
        (
            "scim-operator run --management-token-file {file} --server-service a/b --public-url foo",
            "scim-operator run: --public-url: https://HOST is expected",
        ),
        (
            "scim-operator run --management-token-file {file} --replica http://127.0.0.1:8081",
            "scim-operator run: --config-namespace: with --replica alone, give the namespace of the ConfigMaps and"
            " Secrets that the servers mount",
        ),
        (
            "scim-operator run --management-token-file {file} --server-service a/b --config-namespace a",
            "scim-operator run: --server-ca-file: is expected with --server-service; or --insecure-management",
        ),
        ("scim-server", "scim-server: --management-tls-cert: a certificate is expected for the management port; or"),
        ("scim-server --tls-cert {file}", "scim-server: --tls-cert and --tls-key: both are expected, or neither"),
        (
            "scim-server --management-host ::1 --tls-cert {file} --tls-key {file}",
            "scim-server: {file}: a certificate in PEM is expected",
        ),
        ("scim-server --port abc", "scim-server: --port: "),
        ("scim-server --prot 1", "scim-server: No such option: --prot ("),
        ("scim-server opnapi", "scim-server: No such command 'opnapi'. Did you mean 'openapi'?"),
        ("scim-server openapi x", "scim-server openapi: Got unexpected extra argument"),
        ("scim-server --log-level loud", "scim-server: --log-level: "),
    ],
)
def test_a_wrong_command_line_is_one_line(command: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.touch()

    result = call(*command.format(file=file).split())

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(said.replace("{file}", str(file)))
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith("\n")


@pytest.mark.parametrize(
    ("command", "name", "value"),
    [(("scim-server",), "SCIM_PORT", "http"), (("scim-operator", "run"), "SCIM_OPERATOR_WORKERS", "0")],
    ids=["server", "operator"],
)
def test_a_wrong_environment_variable_is_named(
    command: tuple[str, ...], name: str, value: str, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.touch()

    environment = {"SCIM_OPERATOR_MANAGEMENT_TOKEN_FILE": str(file), name: value}
    result = call(*command, environment=environment)

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{' '.join(command)}: {name}: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("scim-operator va", "validate"),
        ("scim-operator validate --na", "--namespace"),
        ("scim-operator validate -o gi", "github"),
        ("scim-server op", "openapi"),
    ],
)
def test_the_shell_completes_commands_options_and_values(words: str, offered: str) -> None:
    program = words.split()[0]
    variables = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}

    variables[f"_{program.replace('-', '_').upper()}_COMPLETE"] = "complete_bash"
    result = call(program, environment=variables)

    assert (result.returncode, result.stdout) == (0, f"{offered}\n")
