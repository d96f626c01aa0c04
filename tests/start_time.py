"""Starts a server, and prints after how many milliseconds its /v2/health/ready answered 200."""
import http.client
import re
import subprocess
import sys
import time

begun = time.monotonic()
server = subprocess.Popen(sys.argv[1:], stderr=subprocess.PIPE, text=True)
try:
    port = None
    for line in server.stderr:
        port = re.search(r"serving on port (\d+)", line)
        if port:
            break
    if not port:
        sys.exit(1)
    client = http.client.HTTPConnection("127.0.0.1", int(port.group(1)), timeout=10)
    client.request("GET", "/v2/health/ready")
    status = client.getresponse().status
    print(round((time.monotonic() - begun) * 1000))
    if status != 200:
        sys.exit(1)
finally:
    server.terminate()
    server.wait()
