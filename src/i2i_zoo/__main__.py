"""``python -m i2i_zoo`` is the command ``i2i-zoo``."""

import sys

from .cli.main import main

sys.exit(main())
