"""The command line, in this process."""

from pathlib import Path

from typer.testing import CliRunner, Result

from app.cli import app


def run(*arguments: str | Path, given: bytes | None = None) -> Result:
    """The command with these arguments, and bytes on standard input."""
    variables = {"COLUMNS": "200", "TERMINAL_WIDTH": "200", "NO_COLOR": "1"}
    return CliRunner(env=variables).invoke(app, [str(each) for each in arguments], input=given)


def complaint(result: Result) -> str:
    """The one line of an error with exit code 2."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    return line
