"""``python -m seq2exp``: the command line."""

from seq2exp.cli import main

main()
