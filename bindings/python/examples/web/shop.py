# SPDX-License-Identifier: MIT
"""A WSGI application with a probe for each request, and customers who come when somebody watches.

usage: shop.py REQUESTS      0: on and on

The probe is a middleware of a few lines, which other applications can copy. ./demo python runs this.
"""

import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from wsgiref.simple_server import WSGIRequestHandler, make_server

import rst

WEB = rst.Provider("web")
REQUEST = WEB.probe("request", "string method, string path, int32 status, int64 microseconds")


def traced(application):
    """The middleware: fires REQUEST when the application has answered."""

    def middleware(environ, start_response):
        if not REQUEST.enabled:
            return application(environ, start_response)
        began = time.perf_counter_ns()
        status = []

        def start(line, headers, *more):
            status.append(line)
            return start_response(line, headers, *more)

        answer = application(environ, start)
        REQUEST.fire(
            environ["REQUEST_METHOD"],
            environ["PATH_INFO"],
            int(status[0].split()[0]),
            (time.perf_counter_ns() - began) // 1000,
        )
        return answer

    return middleware


# The signals that close the shop.
ENDS = {signal.SIGINT, signal.SIGTERM}

# How long each page takes, in seconds.
PAGES = {"/": 0.001, "/cart": 0.004, "/checkout": 0.02}
VISIT = ["/", "/cart", "/", "/cart", "/sale", "/checkout"]


@traced
def shop(environ, start_response):
    took = PAGES.get(environ["PATH_INFO"])
    time.sleep(took or 0)
    start_response("404 Not Found" if took is None else "200 OK", [("Content-Type", "text/plain")])
    return [b"welcome\n"]


class Quiet(WSGIRequestHandler):
    def log_message(self, *words):
        pass


def visit(server, requests):
    """Come when somebody watches, ask for one page after the other, and close the shop."""
    while not REQUEST.enabled:
        time.sleep(0.05)
    number = 0
    while requests == 0 or number < requests:
        path = VISIT[number % len(VISIT)]
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}{path}").close()
        except urllib.error.HTTPError as error:
            error.close()
        except OSError:
            return  # the shop is closed
        number += 1
    os.kill(os.getpid(), signal.SIGTERM)


def main(requests):
    WEB.load()
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)  # for the threads, too
    with make_server("127.0.0.1", 0, shop, handler_class=Quiet) as server:
        threading.Thread(target=server.serve_forever, args=[0.05]).start()
        threading.Thread(target=visit, args=[server, requests], daemon=True).start()
        print(f"http://127.0.0.1:{server.server_port} {REQUEST.path}", flush=True)
        signal.sigwait(ENDS)
        server.shutdown()


signal.signal(signal.SIGINT, signal.SIG_DFL)  # until main() has something to close
main(int(sys.argv[1]))
