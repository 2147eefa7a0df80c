"""A Ray cluster of this machine: a head without cores and nodes of one, on loopback addresses.

Says the head's address, and kills a node for each line that it reads, the first ones first.
"""

from __future__ import annotations

import sys

NODES = ("127.0.0.3", "127.0.0.4")


def main() -> None:
    from ray.cluster_utils import Cluster  # is not there where nobody runs this

    head = {"num_cpus": 0, "include_dashboard": False, "node_ip_address": "127.0.0.2"}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    nodes = [cluster.add_node(num_cpus=1, node_ip_address=address) for address in NODES]
    print(cluster.address, flush=True)
    for _ in sys.stdin:
        cluster.remove_node(nodes.pop(0), allow_graceful=False)
        print("killed", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
