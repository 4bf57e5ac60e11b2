"""nginx as a server to compare with: its configuration, in a folder of its own, and its command."""

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

# One worker, no log, and connections that live as long as the load generator wants them to.
CONFIGURATION = """\
daemon off;
worker_processes 1;
{user}
pid {folder}/pid;
error_log stderr;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  open_file_cache max=100 inactive=1h;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  scgi_temp_path {folder}/scgi;
  uwsgi_temp_path {folder}/uwsgi;
{before}
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    location / {{
{location}
    }}
  }}
}}
"""
Parts = tuple[str, str]  # what stands before `server`, and what in `location`


def _program() -> str | None:
    # Debian's is where only root's PATH looks.
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def missing() -> str:
    """Tell why nginx cannot run here; empty if it can."""
    return "" if _program() else "nginx is not installed; Debian's package is nginx-light"


def version() -> str:
    """Return what `nginx -v` says of the version."""
    program = _program()
    assert program is not None
    done = subprocess.run([program, "-v"], capture_output=True, text=True, check=True)
    found = re.search(r"nginx/(\S+)", done.stderr)
    return found[1] if found else "unknown"


def constant(content_type: str, body: str) -> Parts:
    """Answer every request with the same bytes, which nginx keeps in its configuration."""
    return "", f"      default_type {content_type};\n      return 200 '{body}';"


def cached(folder: Path, port: int) -> Parts:
    """Ask the server on `port` once, then answer from the cache for an hour."""
    before = f"""\
  proxy_cache_path {folder}/cache keys_zone=answers:1m inactive=1h;
  upstream application {{ server 127.0.0.1:{port}; keepalive 8; }}"""
    location = """\
      proxy_pass http://application;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache answers;
      proxy_cache_lock on;
      proxy_cache_valid 200 1h;"""
    return before, location


def command(folder: Path, port: int, parts: Parts) -> list[str]:
    """Write the configuration and return the command that runs nginx with it.

    The command ends when its process gets SIGTERM, and its worker with it.
    """
    before, location = parts
    name = pwd.getpwuid(os.getuid()).pw_name
    # Only root may say it; then the worker must still be allowed to use the folder.
    user = f"user {name};" if os.getuid() == 0 else ""
    text = CONFIGURATION.format(
        user=user, folder=folder, port=port, before=before, location=location
    )
    path = folder / "nginx.conf"
    path.write_text(text, encoding="utf-8")
    program = _program()
    assert program is not None
    return [program, "-e", "stderr", "-p", str(folder), "-c", str(path)]
