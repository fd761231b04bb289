"""`python -m invrender` is the same program as `invrender`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Python looks for modules in the working directory first, which may be a folder from elsewhere.
    if not sys.flags.safe_path and sys.path[0] == str(Path.cwd()) and not Path(__file__).is_relative_to(sys.path[0]):
        del sys.path[0]

    from invrender.cli import main

    main()
