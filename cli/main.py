"""The `pcrl` command: a group whose commands are loaded only when they are called."""

from __future__ import annotations

import importlib
from typing import Any

import click

from pcrl import __version__

COMMANDS = {
    "sample": ("sample", "sample"),
    "ingest": ("ingest", "ingest_command"),
    "cache": ("cache", "cache"),
    "bench": ("bench", "bench"),
    "pretrain": ("pretrain", "pretrain"),
    "eval": ("eval", "evaluate"),
    "curve": ("curve", "curve"),
    "predict": ("predict", "predict"),
    "import-weights": ("import_weights", "import_weights"),
}
"""Command → (module of this package, attribute); a module is imported when its command is used."""


_GO_ON = "What was written is whole: afterwards give the same command again (pretrain, eval and curve with --resume)"


class LazyGroup(click.Group):
    """A Click group that imports a command's module on first use, so that `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order in which a user needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command, or none if there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(f".{module}", __package__), attribute)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Carry out a command; what a disk does not allow is a message, whatever was being written."""
        from pcrl.disk import disk_fault

        try:
            return super().invoke(ctx)
        except Exception as error:
            if isinstance(error, click.ClickException):
                raise
            if (said := disk_fault(error)) is None:
                raise
            raise click.ClickException(f"{said}. {_GO_ON}") from error


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="pcrl")
def main() -> None:
    """Self-supervised pre-training on medical images: from scans to a score.

    \b
    Example, with a LiTS tree in ./data/lits:
      pcrl ingest --dataset lits
      pcrl pretrain --cache ./cache
      pcrl eval lits --fraction 0.1
    """
    from .console import never_fail_to_print

    never_fail_to_print()
