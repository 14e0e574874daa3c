"""Sends crafted frames out of eth0 of the namespace it runs in: one JSON request a line, one JSON answer a line.

A request holds `packet`, an expression in scapy's terms: a packet or a list of them, from Ethernet or from IP on. `marker` in it is the
payload by which listeners know it. What lacks an Ethernet header is addressed to the router, as a guest's own packets are.
"""
import json
import logging
import socket
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
import scapy.all as scapy

interface, router = sys.argv[1:3]
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((interface, 0))
own = scapy.get_if_hwaddr(interface)
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    names = {**vars(scapy), **request.get("names", {}), "own_mac": own, "marker": scapy.Raw(request["marker"].encode())}
    try:
        packets = eval(request["packet"], names)
        sent = 0
        for packet in packets if isinstance(packets, list) else [packets]:
            frame = packet if isinstance(packet, (bytes, scapy.Ether)) else scapy.Ether(src=own, dst=router) / packet
            out.send(bytes(frame))
            sent += 1
        print(json.dumps({"sent": sent}), flush=True)
    except Exception as error:
        print(json.dumps({"error": repr(error)}), flush=True)
