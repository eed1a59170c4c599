"""Print a script that completes `pytest-mimic` in a shell: its commands and their options.

bash:  eval "$(pytest-mimic completion bash)"            in ~/.bashrc
zsh:   eval "$(pytest-mimic completion zsh)"             in ~/.zshrc, after compinit
fish:  pytest-mimic completion fish | source             in ~/.config/fish/config.fish
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_mimic._cli.commands import COMMANDS

if TYPE_CHECKING:
    from pytest_mimic._cli.invocation import Invocation
    from pytest_mimic._cli.parser import Parser

_BASH = """_pytest_mimic() {
  local word=${COMP_WORDS[COMP_CWORD]} command= each
  for each in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $each in %(pattern)s) command=$each; break;; esac
  done
  case $command in
%(cases)s
    *) COMPREPLY=($(compgen -W "%(commands)s" -- "$word"));;
  esac
}
complete -o default -F _pytest_mimic pytest-mimic
"""
_BASH_CASE = """    %(name)s) COMPREPLY=($(compgen -W "%(words)s" -- "$word"));;"""
_ZSH = """_pytest_mimic() {
  local each
  for each in ${words[2,CURRENT-1]}; do
    case $each in
%(cases)s
    esac
  done
  compadd -- %(commands)s
}
compdef _pytest_mimic pytest-mimic
"""
_ZSH_CASE = "      %(name)s) compadd -- %(words)s; _files; return;;"


def add_arguments(parser: Parser) -> None:
    """Add the shell."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


def run(invocation: Invocation) -> int:
    """Print the script."""
    script = {"bash": _bash, "zsh": _zsh, "fish": _fish}[invocation.options.shell]()
    if invocation.options.json:
        invocation.out.json({"script": script})
    else:
        invocation.out.text(script)
    return 0


def words_of(command: str) -> list[str]:
    """Return the long options and the choices of a subcommand."""
    from pytest_mimic._cli.main import parser_of

    return parser_of(command).words()


def _bash() -> str:
    cases = [_BASH_CASE % {"name": name, "words": " ".join(words_of(name))} for name in COMMANDS]
    return _BASH % {"pattern": "|".join(COMMANDS), "commands": " ".join(COMMANDS), "cases": "\n".join(cases)}


def _zsh() -> str:
    cases = [_ZSH_CASE % {"name": name, "words": " ".join(words_of(name))} for name in COMMANDS]
    return _ZSH % {"commands": " ".join(COMMANDS), "cases": "\n".join(cases)}


def _fish() -> str:
    lines = []
    for name, entry in COMMANDS.items():
        text = entry.help.replace("'", "\\'")
        lines.append(f"complete -c pytest-mimic -n __fish_use_subcommand -f -a {name} -d '{text}'")
        for word in words_of(name):
            kind = f"-l {word[2:]}" if word.startswith("--") else f"-a {word}"
            lines.append(f"complete -c pytest-mimic -n '__fish_seen_subcommand_from {name}' {kind}")
    return "\n".join(lines) + "\n"
