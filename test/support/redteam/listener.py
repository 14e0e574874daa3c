"""Notes every marker (`<<…>>`) that any frame, or datagram, carries into the namespace it runs in, on any device, and the first port that it came to.

`bind PORT` opens a UDP port, so that what arrives there is reassembled and delivered as to any program. `seen` answers with what was noted.
"""
import json
import re
import select
import socket
import sys

MARKER = re.compile(rb"<<([\w-]+)>>")
ETH_P_ALL = 3
PACKET_OUTGOING = 4
frames = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
frames.setsockopt(socket.SOL_SOCKET, 33, 64 * 1024 * 1024)  # SO_RCVBUFFORCE
ports = {}
seen, delivered = set(), {}
print("ready", flush=True)


def drain(timeout):
    while True:
        ready, _, _ = select.select([frames, sys.stdin, *ports], [], [], timeout)
        for each in ready:
            if each is frames:
                data, address = frames.recvfrom(65535)
                if address[2] != PACKET_OUTGOING:
                    seen.update(found.decode() for found in MARKER.findall(data))
            elif each in ports:
                for found in MARKER.findall(each.recv(65535)):
                    delivered.setdefault(found.decode(), []).append(ports[each])
        if sys.stdin in ready or not ready:
            return


while True:
    drain(None)
    words = sys.stdin.readline().split()
    if not words:
        break
    if words[0] == "bind":
        opened = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        opened.bind(("::", int(words[1])))
        ports[opened] = int(words[1])
        print("{}", flush=True)
    else:
        drain(0)
        print(json.dumps({"seen": sorted(seen | delivered.keys()), "delivered": delivered}), flush=True)
