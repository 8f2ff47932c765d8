"""
C{python -m tests.bench.nginx NGINX MODULE}: becomes nginx with nchan, on a free port.

One worker, as we are one process.  It keeps the last message, and knows nobody.
"""

import os
import socket
import sys

from tests.bench.seeding import CHANNEL

CONFIGURATION = """\
load_module {module};
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr error;
events {{ worker_connections 20000; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    nchan_message_buffer_length 1;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /health {{ return 200 "OK"; }}
        location = /events {{
            nchan_subscriber eventsource;
            nchan_channel_id {channel};
            nchan_subscriber_first_message newest;
        }}
        location = /channels/{channel}/messages {{
            nchan_publisher;
            nchan_channel_id {channel};
        }}
    }}
}}
"""


def main(nginx: str, module: str) -> None:
    """
    Open the port for it: nginx cannot say which one is free.  It takes over what is
    open, as it does from its predecessor when it is replaced while it runs.
    """
    port = socket.create_server(("127.0.0.1", 0), backlog=4096)
    port.set_inheritable(True)
    number = port.getsockname()[1]
    with open("nginx.conf", "w") as file:
        file.write(CONFIGURATION.format(module=module, channel=CHANNEL, port=number))
    print(f"listens at http://127.0.0.1:{number}")
    here = os.getcwd()
    os.execve(
        nginx,
        [nginx, "-p", here, "-c", f"{here}/nginx.conf"],
        os.environ | {"NGINX": f"{port.fileno()};"},
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
