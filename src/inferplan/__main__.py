"""``python -m inferplan``."""

from inferplan.cli.main import main

main()
