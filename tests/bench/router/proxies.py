# SPDX-License-Identifier: Apache-2.0
"""What is measured in front of the same workers. Each gets a port, a folder and the workers'
addresses, and answers with the command that runs it in the foreground."""

import os

from harness.processes import program

# The machine that this is meant for has two cores: each proxy has one thread or process for its
# work. Limits are raised to where no case meets them; the rest is each one's default.
NGINX = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  http2_max_concurrent_streams 10000;
  upstream workers {{
    least_conn;
    {servers}
    keepalive 2048;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
  }}
  server {{
    listen 127.0.0.1:{port};
    http2 on;
    client_max_body_size 0;
    location / {{
      grpc_pass grpc://workers;
      grpc_read_timeout 1h;
      grpc_send_timeout 1h;
    }}
  }}
}}
"""

HAPROXY = """
global
  nbthread 1
  maxconn 8192
  tune.h2.fe.max-concurrent-streams 10000
  tune.h2.be.max-concurrent-streams 10000
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
frontend clients
  bind 127.0.0.1:{port} proto h2
  default_backend workers
backend workers
  balance leastconn
  {servers}
"""


def nginx(port, folder, workers):
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(
        user="user root;" if os.geteuid() == 0 else "", folder=folder, port=port,
        servers="\n    ".join(f"server {worker};" for worker in workers)))
    return [program("nginx"), "-p", folder, "-c", config, "-e", folder / "nginx-error.log"]


def haproxy(port, folder, workers):
    config = folder / "haproxy.cfg"
    config.write_text(HAPROXY.format(
        port=port,
        servers="\n  ".join(f"server worker{i} {worker} proto h2"
                            for i, worker in enumerate(workers))))
    return [program("haproxy"), "-db", "-f", config]


def chasqui(port, _folder, _workers):
    """The router with its defaults; the workers join it by themselves."""
    return [program("chasqui-router"), "--set", f"server.listen_address=127.0.0.1:{port}"]


PROXIES = {"chasqui": chasqui, "nginx": nginx, "haproxy": haproxy}
