"""Models behind a real HTTP service, which answers as a test says: a stand-in for a hosted one."""

import contextlib
import http.server
import os
import socket
import threading
import urllib.error
import urllib.request

import numpy as np

#: Where the service is.
ADDRESS = "ENDPOINT_ADDRESS"


class Service:
    """A service that reads the number of an image that :mod:`tests.support.scripted_model` drew.

    Args:
        answer: called with the image's number and how many requests there were before; gives a
            status, or ``(status, headers)``; None hangs up without a word
    """

    def __init__(self, answer):
        self.requests = []
        self.answer = answer

    @contextlib.contextmanager
    def running(self):
        """Answers until the context is left."""
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                number = int(self.rfile.read(int(self.headers["Content-Length"])))
                said = service.answer(number, len(service.requests))
                service.requests.append(number)
                if said is None:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                status, headers = said if isinstance(said, tuple) else (said, {})
                body = str(number % 7 / 10).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()


def _ask(image):
    import fiftyone as fo

    red, green, _ = (int(v) for v in np.asarray(image)[0, 0])
    request = urllib.request.Request(os.environ[ADDRESS], str(red + 256 * green).encode())
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            left = float(answer.read())
    except urllib.error.HTTPError as error:
        error.close()
        raise
    box = fo.Detection(label="thing", bounding_box=[left, 0.1, 0.2, 0.2], confidence=0.9)
    return fo.Detections(detections=[box])


def one_by_one():
    """A model as most write it: ``predict`` alone."""
    import fiftyone.core.models as fom

    class OneByOne(fom.Model):
        media_type = "image"

        def predict(self, arg):
            return _ask(arg)

    return OneByOne()


def in_batches():
    """A model that takes a batch and sends its images one after the other."""
    import fiftyone.core.models as fom

    class InBatches(fom.Model):
        media_type = "image"

        def predict_all(self, args):
            return [_ask(arg) for arg in args]

    return InBatches()
