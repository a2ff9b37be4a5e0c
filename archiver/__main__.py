"""`python -m archiver` is `archiver`."""

import sys

from archiver.commands import main

sys.exit(main())
