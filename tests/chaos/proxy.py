"""A TCP proxy on the loopback that can be told to break connections in the ways that networks do.

One thread and one selector per proxy. Each direction of each connection has a buffer of bounded size:
while it is full nothing more is read, so that a stalled receiver is felt by the sender as it would be
through a real network. All public methods are thread-safe and take effect at once, also on open
connections; close() ends everything. Faults hold until they are taken back and apply to connections
that come later, too, but for cut() and limit_bytes_then_cut(), which happen once.
"""
import collections
import os
import selectors
import socket
import struct
import threading
import time

TO_SERVER = "to_server"  # What the client sends.
TO_CLIENT = "to_client"
BOTH = "both"
DIRECTIONS = (TO_SERVER, TO_CLIENT)
BUFFER = 256 << 10  # Bytes held per direction and connection.
CHUNK = 64 << 10
RESET = struct.pack("ii", 1, 0)  # SO_LINGER with no time: close() sends RST.


def chosen(direction):
    if direction == BOTH:
        return DIRECTIONS
    if direction not in DIRECTIONS:
        raise ValueError(f"{direction!r} is none of {TO_SERVER}, {TO_CLIENT}, {BOTH}")
    return (direction,)


class Pipe:
    """One direction of one connection."""

    def __init__(self, source, sink):
        self.source, self.sink = source, sink
        self.chunks = collections.deque()  # (due, bytes)
        self.size = 0
        self.ended = False       # The source has sent its FIN.
        self.end_due = 0.0
        self.shut = False        # The FIN went on to the sink, or a fault sent one.


class Link:
    """One connection through the proxy. Its pipes by direction."""

    def __init__(self, client, server):
        self.sockets = (client, server)
        self.pipes = {TO_SERVER: Pipe(client, server), TO_CLIENT: Pipe(server, client)}


class Proxy:
    def __init__(self, target_port, target_host="127.0.0.1"):
        self.target = (target_host, target_port)
        self._lock = threading.RLock()
        self._links = set()
        self._stalled = set()
        self._delay = dict.fromkeys(DIRECTIONS, 0.0)
        self._limit = {}  # Direction: bytes that may still pass before everything is cut.
        self._refusing = False
        self._closed = False
        self.accepted = 0
        self.passed = dict.fromkeys(DIRECTIONS, 0)  # Bytes that went on to their receiver.
        self._listener = None
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = os.pipe()
        os.set_blocking(self._wake_in, False)
        os.set_blocking(self._wake_out, False)
        self._selector.register(self._wake_in, selectors.EVENT_READ)
        self.port = 0  # Chosen by the first bind, and kept: whoever dials knows it.
        self._bind()
        self._listen()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    # -- Faults -----------------------------------------------------------------------------------

    def cut(self):
        """Resets every open connection, at both ends. What was under way is lost."""
        with self._lock:
            for link in list(self._links):
                self._end(link)
        self._wake()

    def stall(self, direction=BOTH):
        """Nothing goes on in this direction; connections stay open, as behind a dead router."""
        with self._lock:
            self._stalled.update(chosen(direction))
        self._wake()

    def resume(self):
        """Takes back stalls, delays and limits. What was held goes on in its order."""
        with self._lock:
            self._stalled.clear()
            self._delay = dict.fromkeys(DIRECTIONS, 0.0)
            self._limit.clear()
        self._wake()

    def delay(self, seconds, direction=BOTH):
        """What arrives from now on is passed on so much later, in its order."""
        with self._lock:
            for name in chosen(direction):
                self._delay[name] = float(seconds)
        self._wake()

    def half_close(self, direction):
        """Ends one direction of every open connection: its receiver sees the end of the stream, what
        the sender still sends is thrown away, and the other direction goes on."""
        with self._lock:
            for link in list(self._links):
                for name in chosen(direction):
                    pipe = link.pipes[name]
                    pipe.chunks.clear()
                    pipe.size = 0
                    self._shut(pipe)
                self._end_if_over(link)
        self._wake()

    def refuse(self, on=True):
        """New connections are refused, as by a host on which nobody listens."""
        with self._lock:
            if on and not self._refusing and not self._closed:
                self._selector.unregister(self._listener)
                self._listener.close()
                self._bind()  # A port that is bound and not listened on refuses, and stays ours.
            elif not on and self._refusing and not self._closed:
                self._listen()
            self._refusing = on
        self._wake()

    def limit_bytes_then_cut(self, count, direction):
        """Lets exactly `count` more bytes pass in this direction, over all connections together, and
        cuts all of them then: in the middle of a message."""
        with self._lock:
            for name in chosen(direction):
                self._limit[name] = count
        self._wake()

    def connections(self):
        with self._lock:
            return len(self._links)

    def close(self):
        """Cuts everything and stops listening. May be called again."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for link in list(self._links):
                self._end(link)
            if not self._refusing:
                self._selector.unregister(self._listener)
            self._listener.close()
        self._wake()
        self._thread.join()
        self._selector.close()
        os.close(self._wake_in)
        os.close(self._wake_out)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- The thread -------------------------------------------------------------------------------

    def _bind(self):
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.setblocking(False)
        self._listener.bind(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]

    def _listen(self):
        self._listener.listen(128)
        self._selector.register(self._listener, selectors.EVENT_READ)

    def _wake(self):
        try:
            os.write(self._wake_out, b"x")
        except OSError:
            pass  # It is awake already, or gone.

    def _run(self):
        while True:
            with self._lock:
                if self._closed:
                    return
                wait = self._interests()
            events = self._selector.select(wait)
            with self._lock:
                for key, _ in events:
                    if key.fileobj == self._wake_in:
                        os.read(self._wake_in, 4096)
                    elif key.fileobj is self._listener and not self._refusing:
                        self._accept()
                for link in list(self._links):
                    if link in self._links:  # Serving another one may have cut all.
                        self._serve(link)

    def _interests(self):
        """Registers for exactly what could go on; how long until something else becomes due."""
        now, wait = time.monotonic(), None
        for link in self._links:
            wanted = dict.fromkeys(link.sockets, 0)
            for name, pipe in link.pipes.items():
                if not pipe.ended and pipe.size < BUFFER:
                    wanted[pipe.source] |= selectors.EVENT_READ
                due = pipe.chunks[0][0] if pipe.chunks else (
                    pipe.end_due if pipe.ended and not pipe.shut else None)
                if due is None or name in self._stalled:
                    continue
                if due > now:
                    wait = min(due - now, wait if wait is not None else due - now)
                elif pipe.chunks:
                    wanted[pipe.sink] |= selectors.EVENT_WRITE
                else:
                    wait = 0
            for sock, mask in wanted.items():
                self._register(sock, mask)
        return wait

    def _register(self, sock, mask):
        registered = sock in self._selector.get_map()
        if mask and registered:
            self._selector.modify(sock, mask)
        elif mask:
            self._selector.register(sock, mask)
        elif registered:
            self._selector.unregister(sock)

    def _accept(self):
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        server = socket.socket()
        try:
            server.settimeout(2)  # The loopback answers at once, or not at all.
            server.connect(self.target)
        except OSError:
            server.close()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
            return
        for sock in (client, server):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.accepted += 1
        self._links.add(Link(client, server))

    def _serve(self, link):
        try:
            for name, pipe in link.pipes.items():
                self._read(name, pipe)
                if not self._write(name, pipe):
                    return  # Everything was cut.
            self._end_if_over(link)
        except OSError:
            self._end(link)  # A reset at one end is one at the other.

    def _read(self, name, pipe):
        while not pipe.ended and pipe.size < BUFFER:
            try:
                data = pipe.source.recv(min(CHUNK, BUFFER - pipe.size))
            except BlockingIOError:
                return
            due = time.monotonic() + self._delay[name]
            if not data:
                pipe.ended, pipe.end_due = True, due
            elif not pipe.shut:
                pipe.chunks.append((due, data))
                pipe.size += len(data)

    def _write(self, name, pipe):
        """False when the limit was reached and all connections were cut."""
        while pipe.chunks and name not in self._stalled and pipe.chunks[0][0] <= time.monotonic():
            due, data = pipe.chunks[0]
            allowed = data[:self._limit[name]] if name in self._limit else data
            try:
                sent = pipe.sink.send(allowed) if allowed else 0
            except BlockingIOError:
                return True
            self._count(name, pipe, due, data, sent)
            if self._limit.get(name) == 0:
                del self._limit[name]
                # The bytes that may pass have to arrive: a reset from here would overtake them.
                for other in list(self._links):
                    self._end(other, gently=True)
                return False
        if pipe.ended and not pipe.chunks and name not in self._stalled and (
                pipe.end_due <= time.monotonic()):
            self._shut(pipe)
        return True

    def _count(self, name, pipe, due, data, sent):
        pipe.size -= sent
        self.passed[name] += sent
        if sent == len(data):
            pipe.chunks.popleft()
        else:
            pipe.chunks[0] = (due, data[sent:])
        if name in self._limit:
            self._limit[name] -= sent

    def _shut(self, pipe):
        if not pipe.shut:
            pipe.shut = True
            try:
                pipe.sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def _end_if_over(self, link):
        if link in self._links and all(p.shut and p.ended for p in link.pipes.values()):
            self._end(link, gently=True)

    def _end(self, link, gently=False):
        self._links.discard(link)
        for sock in link.sockets:
            if sock in self._selector.get_map():
                self._selector.unregister(sock)
            if not gently:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            sock.close()
