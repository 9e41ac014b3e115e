"""The part of `make check` that looks at what we deploy by: image, compose file, manifests, migrations."""

import sys
from concurrent.futures import ThreadPoolExecutor

from tests.deploy import compose, images, kubernetes, migrations


def main() -> None:
    """Print every complaint; status 1 if there are any."""
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(part.complaints) for part in (images, compose, kubernetes, migrations)]
        found = [line for one in asked for line in one.result()]
    if found:
        sys.exit("\n".join(found))
    sys.stdout.write("Deployment: image, compose file, manifests and migrations pass their checkers.\n")


if __name__ == "__main__":
    main()
