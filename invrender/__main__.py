"""`python -m invrender` is the same program as `invrender`."""

from invrender.cli import main

if __name__ == "__main__":
    main()
