"""``python -m pipeline.local``: what the ``run`` script hands over to."""

from pipeline.local.cli import main

main()
