"""The subcommands, one a file; each has `run`. Here alone the command line imports torch."""
