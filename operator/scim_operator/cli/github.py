"""`validate -o github`: problems as annotations, which GitHub shows at the lines of a pull request.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from scim_operator.manifests import Finding, Severity
from scim_operator.manifests.files import STDIN_NAME

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def annotation(finding: Finding) -> str:
    """A workflow command, in one line."""
    place = f" file={_property(finding.file)},line={finding.line}" if finding.file != STDIN_NAME else ""
    return f"::{_COMMANDS[finding.severity]}{place}::{_data(finding.text)}"


def _data(text: str) -> str:
    """As in GitHub's own @actions/core."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
