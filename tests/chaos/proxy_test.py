"""Each fault of the proxy, seen from plain sockets at both ends of it."""
import contextlib
import socket
import threading
import time
import unittest

from proxy import BOTH, BUFFER, TO_CLIENT, TO_SERVER, Proxy

QUIET = 0.15  # Seconds after which nothing is taken to come.


class ProxyTest(unittest.TestCase):
    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.crashes = []
        former, threading.excepthook = threading.excepthook, self.crashes.append
        self.stack.callback(setattr, threading, "excepthook", former)
        self.listener = self.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.listener.settimeout(3)
        self.proxy = self.stack.enter_context(Proxy(self.listener.getsockname()[1]))

    def tearDown(self):
        self.stack.close()
        self.assertEqual(self.crashes, [])

    def connect(self):
        """A connection: (the client's end, the server's end)."""
        client = self.stack.enter_context(socket.create_connection(("127.0.0.1", self.proxy.port), 3))
        server, _ = self.listener.accept()
        self.stack.enter_context(server)
        server.settimeout(3)
        return client, server

    def read(self, sock, count):
        data = b""
        while len(data) < count:
            part = sock.recv(count - len(data))
            if not part:
                break
            data += part
        return data

    def assert_quiet(self, sock):
        sock.settimeout(QUIET)
        with self.assertRaises(TimeoutError):
            sock.recv(1)
        sock.settimeout(3)

    def test_passes_bytes_both_ways_and_the_end_of_each_stream(self):
        client, server = self.connect()
        data = bytes(range(256)) * 8000  # More than all buffers hold.
        sender = threading.Thread(target=lambda: (client.sendall(data),
                                                  client.shutdown(socket.SHUT_WR)))
        sender.start()
        self.assertEqual(self.read(server, len(data)), data)
        self.assertEqual(server.recv(1), b"")
        sender.join()
        server.sendall(b"answer")
        server.close()
        self.assertEqual(self.read(client, 7), b"answer")
        self.assertEqual(self.proxy.passed, {TO_SERVER: len(data), TO_CLIENT: 6})

    def test_cut_resets_both_ends_and_new_connections_work(self):
        client, server = self.connect()
        client.sendall(b"x")
        self.assertEqual(server.recv(1), b"x")
        self.proxy.cut()
        for end in (client, server):
            with self.assertRaises(ConnectionResetError):
                end.recv(1)
        self.assertEqual(self.proxy.connections(), 0)
        client, server = self.connect()
        client.sendall(b"y")
        self.assertEqual(server.recv(1), b"y")

    def test_stall_holds_one_direction_until_resume(self):
        client, server = self.connect()
        self.proxy.stall(TO_SERVER)
        client.sendall(b"held")
        server.sendall(b"goes on")
        self.assertEqual(self.read(client, 7), b"goes on")
        self.assert_quiet(server)
        self.proxy.resume()
        self.assertEqual(self.read(server, 4), b"held")

    def test_stall_of_both_directions_also_holds_the_end(self):
        client, server = self.connect()
        self.proxy.stall(BOTH)
        client.close()
        server.sendall(b"lost or not")
        self.assert_quiet(server)
        self.proxy.resume()
        self.assertEqual(server.recv(1), b"")

    def test_a_stalled_connection_holds_a_bounded_number_of_bytes(self):
        client, _ = self.connect()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 << 10)
        self.proxy.stall(TO_SERVER)
        client.settimeout(QUIET)
        sent = 0
        with self.assertRaises(TimeoutError):
            while sent < 64 << 20:
                sent += client.send(b"x" * 65536)
        with self.proxy._lock:
            held = [p.size for link in self.proxy._links for p in link.pipes.values()]
        self.assertEqual(max(held), BUFFER)

    def test_delay_holds_each_byte_for_that_long_and_keeps_the_order(self):
        client, server = self.connect()
        self.proxy.delay(0.2, TO_SERVER)
        began = time.monotonic()
        client.sendall(b"first ")
        client.sendall(b"second")
        self.assertEqual(self.read(server, 12), b"first second")
        self.assertGreaterEqual(time.monotonic() - began, 0.2)
        server.sendall(b"!")
        began = time.monotonic()
        self.assertEqual(client.recv(1), b"!")
        self.assertLess(time.monotonic() - began, 0.15)

    def test_half_close_ends_one_direction_and_leaves_the_other(self):
        client, server = self.connect()
        self.proxy.half_close(TO_SERVER)
        self.assertEqual(server.recv(1), b"")
        client.sendall(b"into the void")
        server.sendall(b"still there")
        self.assertEqual(self.read(client, 11), b"still there")
        self.assertEqual(self.proxy.passed[TO_SERVER], 0)
        self.assertEqual(self.proxy.connections(), 1)

    def test_refuse_refuses_new_connections_only(self):
        client, server = self.connect()
        self.proxy.refuse()
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.proxy.port), 3)
        client.sendall(b"x")
        self.assertEqual(server.recv(1), b"x")
        port = self.proxy.port
        self.proxy.refuse(False)
        self.assertEqual(self.proxy.port, port)
        client, server = self.connect()
        client.sendall(b"y")
        self.assertEqual(server.recv(1), b"y")

    def test_limit_lets_exactly_so_many_bytes_pass_and_cuts_once(self):
        client, server = self.connect()
        self.proxy.limit_bytes_then_cut(10, TO_SERVER)
        client.sendall(b"a message of some length")
        self.assertEqual(self.read(server, 100), b"a message ")
        with self.assertRaises(OSError):
            for _ in range(100):
                client.sendall(b"more")
                time.sleep(0.01)
        self.assertEqual(self.proxy.passed[TO_SERVER], 10)
        client, server = self.connect()
        client.sendall(b"a message of some length")
        self.assertEqual(self.read(server, 24), b"a message of some length")

    def test_limit_counts_over_several_sends_and_over_connections(self):
        one, server_of_one = self.connect()
        two, server_of_two = self.connect()
        self.proxy.limit_bytes_then_cut(6, TO_CLIENT)
        server_of_one.sendall(b"abcd")
        self.assertEqual(self.read(one, 4), b"abcd")
        server_of_two.sendall(b"efgh")
        self.assertEqual(self.read(two, 10), b"ef")
        self.assertIn(self.end_of(one), (b"", "reset"))

    def end_of(self, sock):
        try:
            return sock.recv(1)
        except ConnectionResetError:
            return "reset"

    def test_a_server_that_is_away_resets_the_client(self):
        self.listener.close()
        with self.assertRaises(ConnectionResetError):  # At once, or at the first look.
            client = self.stack.enter_context(
                socket.create_connection(("127.0.0.1", self.proxy.port), 3))
            client.recv(1)

    def test_commands_from_many_threads_at_once_leave_a_working_proxy(self):
        def torment():
            for _ in range(40):
                self.proxy.stall(TO_CLIENT)
                self.proxy.delay(0.001)
                self.proxy.cut()
                self.proxy.refuse()
                self.proxy.refuse(False)
                self.proxy.resume()
        threads = [threading.Thread(target=torment) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        client, server = self.connect()
        client.sendall(b"x")
        self.assertEqual(server.recv(1), b"x")

    def test_close_ends_the_thread_and_may_be_called_again(self):
        client, _ = self.connect()
        self.proxy.close()
        self.proxy.close()
        self.assertIn(self.end_of(client), (b"", "reset"))
        self.assertFalse(self.proxy._thread.is_alive())
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", self.proxy.port), 3)


if __name__ == "__main__":
    unittest.main()
