"""What notifications are sent to in the end-to-end tests: an HTTP receiver that does as it is told, a
real mail server (aiosmtpd, in a process of its own), a real Alertmanager, and a CA for their
certificates. Everything listens on free ports of 127.0.0.1."""
import hashlib
import hmac
import json
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SYSTEM_PYTHON = "/usr/bin/python3"  # The one that has the distribution's aiosmtpd.


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Authority:
    """A CA in a folder, with one server certificate for 127.0.0.1 and localhost."""

    def __init__(self, folder):
        folder.mkdir(parents=True)
        self.ca, self.cert, self.key = folder / "ca.pem", folder / "server.pem", folder / "server.key"
        ca_key, request, names = folder / "ca.key", folder / "server.csr", folder / "names.cnf"
        names.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")

        def openssl(*arguments):
            subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        openssl("req", "-x509", *curve, "-keyout", ca_key, "-out", self.ca, "-subj", "/CN=test ca",
                "-days", "2")
        openssl("req", *curve, "-keyout", self.key, "-out", request, "-subj", "/CN=localhost")
        openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key, "-CAcreateserial",
                "-out", self.cert, "-days", "2", "-extfile", names)


class Call:
    def __init__(self, path, headers, body):
        self.path, self.headers, self.body = path, headers, body
        self.time = time.monotonic()

    @property
    def key(self):
        return self.headers["Idempotency-Key"]

    def json(self):
        return json.loads(self.body)

    def signed_by(self, secret):
        """Is it signed with this secret, over its time stamp and its raw body?"""
        stamp = self.headers["X-Dbfleet-Timestamp"]
        tag = hmac.new(secret.encode(), f"{stamp}.".encode() + self.body, hashlib.sha256)
        return (abs(int(stamp) - time.time()) < 300 and
                hmac.compare_digest("v1=" + tag.hexdigest(), self.headers["X-Dbfleet-Signature"]))


class Receiver:
    """An HTTP server. `behave` maps the begin of a path to a function that is given the handler and the
    number of the call on that path (1, 2, ...), and answers; without one the answer is 200."""

    def __init__(self, authority=None):
        self.calls, self.behave, self.lock = [], {}, threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with receiver.lock:
                    receiver.calls.append(Call(self.path, self.headers, body))
                    count = sum(c.path == self.path for c in receiver.calls)
                for begin, act in list(receiver.behave.items()):
                    if self.path.startswith(begin):
                        return act(self, count)
                return answer(self, 200, "ok")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # Who is told enough hangs up.
        if authority is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(authority.cert, authority.key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        scheme = "http" if authority is None else "https"
        self.port = self.server.server_address[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"{scheme}://{self.host}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def on(self, path):
        with self.lock:
            return [c for c in self.calls if c.path == path]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def answer(handler, status, text="", headers=()):
    handler.send_response(status)
    for name, value in headers:
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(text)))
    handler.end_headers()
    handler.wfile.write(text.encode())


MAIL_SERVER = r'''
import asyncio, json, ssl, sys
from email import message_from_bytes, policy
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, SMTP

out, port, cert, key, user, password, refused = sys.argv[1:]

class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address == refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"
    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.content, policy=policy.default)
        with open(out, "a") as f:
            f.write(json.dumps({"to": envelope.rcpt_tos, "from": envelope.mail_from,
                                "tls": session.ssl is not None, "authenticated": session.authenticated,
                                "headers": [[k, str(v)] for k, v in mail.items()],
                                "text": mail.get_content()}) + "\n")
        return "250 taken"

def authenticate(server, session, envelope, mechanism, data):
    ok = data.login == user.encode() and data.password == password.encode()
    return AuthResult(success=ok, handled=True)

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
class Mail(Controller):
    def factory(self):
        return SMTP(self.handler, require_starttls=True, tls_context=context, auth_required=True,
                    auth_require_tls=True, authenticator=authenticate)
server = Mail(Handler(), hostname="127.0.0.1", port=int(port))
server.start()
print("ready", flush=True)
sys.stdin.read()
server.stop()
'''


class MailServer:
    """aiosmtpd with STARTTLS and AUTH demanded; one address is refused."""

    def __init__(self, folder, authority, user, password, refused):
        self.out, self.port = Path(folder) / "mails.jsonl", free_port()
        self.process = subprocess.Popen(
            [SYSTEM_PYTHON, "-c", MAIL_SERVER, self.out, str(self.port), authority.cert,
             authority.key, user, password, refused], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        if self.process.stdout.readline() != b"ready\n":
            raise AssertionError("the mail server did not start; is python3-aiosmtpd installed?")

    def mails(self):
        if not self.out.exists():
            return []
        return [json.loads(line) for line in self.out.read_text().splitlines()]

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=20)
        self.process.stdout.close()


class Alertmanager:
    """The distribution's, with its data in a folder of the test."""

    def __init__(self, folder):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config = Path(folder) / "alertmanager.yml"
        config.write_text("route:\n  receiver: none\nreceivers:\n  - name: none\n")
        self.log = open(Path(folder) / "alertmanager.log", "wb")
        self.process = subprocess.Popen(
            ["prometheus-alertmanager", f"--config.file={config}",
             f"--storage.path={folder}/alertmanager", f"--web.listen-address=127.0.0.1:{self.port}",
             "--cluster.listen-address="], stdout=self.log, stderr=self.log)
        self.wait_ready()

    def wait_ready(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/-/ready", timeout=5).close()
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise AssertionError("Alertmanager did not start") from None
                time.sleep(0.1)

    def alerts(self):
        """Those that are active."""
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=10) as found:
            return json.load(found)

    def silences(self):
        """Those that are active."""
        with urllib.request.urlopen(f"{self.url}/api/v2/silences", timeout=10) as found:
            return [s for s in json.load(found) if s["status"]["state"] == "active"]

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=20)
        self.log.close()


class Forwarder:
    """Stands before an HTTP server. `lose_answers`: what is asked for is done, and nobody hears of it."""

    def __init__(self, target):
        self.calls, self.lose_answers = [], False
        forwarder = self

        class Handler(BaseHTTPRequestHandler):
            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                forwarder.calls.append((self.command, self.path))
                request = urllib.request.Request(target + self.path, data=body or None,
                                                 method=self.command)
                request.add_header("Content-Type", "application/json")
                try:
                    with urllib.request.urlopen(request, timeout=10) as found:
                        status, text = found.status, found.read().decode()
                except urllib.error.HTTPError as refused:
                    status, text = refused.code, refused.read().decode()
                if forwarder.lose_answers:
                    time.sleep(30)
                answer(self, status, text, [("Content-Type", "application/json")])

            do_GET = do_POST = do_DELETE = forward

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Grafana:
    """The contract of Grafana's annotations API, strictly: authorisation, content type, fields and their
    types, status codes. No Grafana: none can be had where these tests run."""

    FIELDS = {"dashboardUID": str, "panelId": int, "time": int, "timeEnd": int, "tags": list, "text": str}

    def __init__(self, authority, token):
        self.annotations, self.refused, self.lose_answers = {}, [], False
        self.lock = threading.Lock()
        grafana = self

        class Handler(BaseHTTPRequestHandler):
            def reply(self, status, value):
                if status >= 400:
                    grafana.refused.append((self.command, self.path, status, value))
                if grafana.lose_answers:
                    time.sleep(30)
                answer(self, status, json.dumps(value), [("Content-Type", "application/json")])

            def body(self):
                """None if it was refused."""
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.headers.get("Authorization") != f"Bearer {token}":
                    return self.reply(401, {"message": "Unauthorized"})
                if self.command == "GET":
                    return {}
                if self.headers.get("Content-Type") != "application/json":
                    return self.reply(415, {"message": "no JSON"})
                value = json.loads(raw)
                for name, field in value.items():
                    kind = Grafana.FIELDS.get(name)
                    if kind is None or not isinstance(field, kind) or isinstance(field, bool):
                        return self.reply(400, {"message": f"bad request data: {name}"})
                if not all(isinstance(tag, str) and len(tag) <= 100 for tag in value.get("tags", [])):
                    return self.reply(400, {"message": "bad tags"})
                return value

            def do_POST(self):
                value = self.body()
                if value is None:
                    return
                if self.path != "/api/annotations":
                    return self.reply(404, {"message": "Not found"})
                if not value.get("text"):
                    return self.reply(400, {"message": "Failed to save annotation"})
                with grafana.lock:
                    number = len(grafana.annotations) + 1
                    time_ = value.get("time", int(time.time() * 1000))
                    grafana.annotations[number] = {"tags": [], "timeEnd": time_, **value,
                                                   "id": number, "time": time_}
                self.reply(200, {"message": "Annotation added", "id": number})

            def do_PATCH(self):
                value = self.body()
                if value is None:
                    return
                number = self.path.rpartition("/")[2]
                with grafana.lock:
                    known = grafana.annotations.get(int(number) if number.isdigit() else 0)
                    if known is not None:
                        known.update(value)
                if known is None:
                    return self.reply(404, {"message": "Annotation not found"})
                self.reply(200, {"message": "Annotation patched"})

            def do_GET(self):
                if self.body() is None:
                    return
                path, _, query = self.path.partition("?")
                wanted = urllib.parse.parse_qs(query)
                if path != "/api/annotations" or not set(wanted) <= {"tags", "type", "limit", "from", "to"}:
                    return self.reply(404, {"message": "Not found"})
                with grafana.lock:
                    found = [a for a in grafana.annotations.values()
                             if set(wanted.get("tags", [])) <= set(a["tags"])]
                self.reply(200, found[:int(wanted.get("limit", ["100"])[0])])

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.cert, authority.key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        self.url = f"https://{self.host}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def tagged(self, tag):
        with self.lock:
            return [dict(a) for a in self.annotations.values() if tag in a["tags"]]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
