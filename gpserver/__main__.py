"""``python -m gpserver`` is the ``gpserver`` command."""

import sys

from gpserver.cli import main

sys.exit(main())
