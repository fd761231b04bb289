"""Completion of words in bash, zsh and fish: the scripts, and what may come next."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Collection, Sequence
from contextlib import redirect_stdout

from invrender.cli.resuming import OPTION as RESUME
from invrender.cli.resuming import RESUMABLE
from invrender.config.overrides import KNOWN_FLAGS
from invrender.errors import UserError, suggestion
from invrender.sweep.arguments import OPTIONS

# Hydra's own query, which a subcommand answers on its standard output.
QUERY = ("--shell-completion", "query=bash")

# By command, the options that Hydra has not.
OWN_OPTIONS = {"sweep": OPTIONS, **dict.fromkeys(RESUMABLE, (RESUME,))}

BASH = """\
_invrender() {
    local word="${COMP_LINE:0:COMP_POINT}"
    word="${word##* }"
    mapfile -t COMPREPLY < <(COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" invrender completion query 2> /dev/null)
    # The shell replaces only what stands behind its last word break.
    local prefix="${word%"${word##*[=:]}"}" index
    for index in "${!COMPREPLY[@]}"; do COMPREPLY[index]="${COMPREPLY[index]#"$prefix"}"; done
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=./] ]] || compopt +o nospace
}
complete -o nospace -o default -F _invrender invrender
"""

ZSH = """\
#compdef invrender
_invrender() {
    local line="${(j: :)words[1,CURRENT]}"
    local -a found=("${(@f)$(COMP_LINE="$line" COMP_POINT=${#line} invrender completion query 2> /dev/null)}")
    found=(${found:#})
    if (( ! ${#found} )); then
        compset -P '*='
        _files
        return
    fi
    compadd -Q -S '' -- ${(M)found:#*[=./]}
    compadd -Q -- ${found:#*[=./]}
}
if [[ "$funcstack[1]" == _invrender ]]; then _invrender "$@"; else compdef _invrender invrender; fi
"""

FISH = """\
function __invrender_complete
    set -lx COMP_LINE (commandline -cp)
    set -lx COMP_POINT (string length -- "$COMP_LINE")
    set -l found (invrender completion query 2> /dev/null)
    if test (count $found) -eq 0
        set -l key (string match -r '^.*=' -- (commandline -ct))
        set found "$key"(__fish_complete_path (string replace -r '^.*=' '' -- (commandline -ct)))
    end
    printf '%s\\n' $found
end
complete -c invrender -f -a '(__invrender_complete)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}

USAGE = """\
invrender completion: completion of words in a shell.

usage: invrender completion SHELL

  bash   echo 'eval "$(invrender completion bash)"' >> ~/.bashrc
  zsh    echo 'eval "$(invrender completion zsh)"' >> ~/.zshrc        (after compinit)
  fish   invrender completion fish > ~/.config/fish/completions/invrender.fish
"""


def completion(arguments: Sequence[str], commands: Collection[str], run: Callable[[list[str]], int]) -> str:
    """What `invrender completion` prints.

    run: runs a command line of the program. Raises `UserError` for a shell that has no script.
    """
    if not arguments or arguments[0] in ("--help", "-h"):
        return USAGE.rstrip()
    if arguments[0] == "query":
        line = os.environ.get("COMP_LINE", "")
        return "\n".join(candidates(line[: int(os.environ.get("COMP_POINT", len(line)))], commands, run))
    if arguments[0] not in SCRIPTS:
        near = suggestion(arguments[0], SCRIPTS) or f"; expected one of {', '.join(SCRIPTS)}"
        raise UserError(f"completion: there is no shell {arguments[0]!r}{near}")
    return SCRIPTS[arguments[0]].rstrip()


def candidates(line: str, commands: Collection[str], run: Callable[[list[str]], int]) -> list[str]:
    """What the last word of ``line``, which begins with the program's name, may become."""
    words = line.split()[1:]
    word = "" if line.endswith(" ") or not words else words.pop()
    if not words:
        return [name for name in commands if name.startswith(word)]
    name, *before = words
    if word.startswith("-"):
        flags = (*OWN_OPTIONS.get(name, ()), *KNOWN_FLAGS)
        return [flag for flag in flags if flag.startswith(word)]
    if name == "completion":
        return [shell for shell in SCRIPTS if shell.startswith(word)]
    # Of a list of values, the last one is to be completed. Lists before it don't decide what may follow.
    key, equals, value = word.partition("=")
    opening = value[: max(value.rfind(","), value.rfind("[")) + 1]
    asked = f"{key}{equals}{value.removeprefix(opening)}"
    found = queried(name, [*(each for each in before if "," not in each), asked], run)
    return [each.replace("=", f"={opening}", 1) for each in found]


def queried(name: str, words: Sequence[str], run: Callable[[list[str]], int]) -> list[str]:
    """Hydra's completions of the last of the arguments of a subcommand."""
    folders = [each for each in words[:-1] if each.startswith("--config-dir=")]
    plain = [each for each in words[:-1] if not each.startswith("-")]
    line = " ".join(["invrender", *plain, words[-1]])
    os.environ["COMP_LINE"], os.environ["COMP_POINT"] = line, str(len(line))
    printed = io.StringIO()
    with redirect_stdout(printed):
        run([name, *folders, *QUERY])
    return [each for each in printed.getvalue().split() if each.startswith(words[-1])]
