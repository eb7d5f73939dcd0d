"""`python -m trackrev_stream.cli`, as the command `trackrev`."""

import sys

from trackrev_stream.cli.main import main

sys.exit(main())
