"""What can happen to a fleet, each fault with its healing. Chosen by a seeded generator.

A fault is a method that does its harm and returns; heal() takes everything back. All of it is logged,
so that a failed run says what was done when.
"""
import os
import random
import signal
import time

from fleet import start_time
from proxy import TO_CLIENT, TO_SERVER
from restoring import Restoring, demands_recovery, enrol_again, locked_out, recover

# Message faults stop short of the messages that begin a stream: without them there is no stream.
MESSAGES = ("#event", "#pong", "#health")
CONTROLS = ("#offer", "#grant", "#withdraw", "#cancel", "#event_ack", "#lease_renewal", "#forget")
STOPPED = 7.0  # Seconds: longer than the lease and than `dead_after`.


class Faults:
    def __init__(self, fleet, proxies, rng, clock=False):
        self.fleet, self.proxies, self.rng = fleet, proxies, rng
        self.stopped = {}  # Daemon: when it may go on.
        self.stages = []   # What is still to be done of a restore, ...
        self.next_stage = 0.0  # ... and when.
        self.clock = clock
        # Apart, because the machine decides how often it is asked.
        self.pauses = random.Random(rng.random())
        self.dirty = set()  # Daemons that run with orders.
        self.kinds = [self.kill, self.kill, self.kill, self.stop, self.cut, self.cut, self.stall,
                      self.slow_network, self.half_close, self.cut_in_message, self.messages,
                      self.slow_sync, self.failing_sync, self.committed_but_unheard, self.full_disk,
                      self.kill_database, self.restore, self.restore]
        if clock:
            self.kinds += [self.clock_jump] * 4

    def one(self):
        self.rng.choice(self.kinds)()

    def daemon(self):
        return self.rng.choice(self.fleet.daemons())

    def note(self, kind, **facts):
        self.fleet.log.add("fault", kind=kind, **facts)

    # -- Processes --------------------------------------------------------------------------------

    def kill(self):
        daemon = self.daemon()
        self.note("kill", daemon=daemon)
        self.stopped.pop(daemon, None)
        self.fleet.reboot(daemon)

    def stop(self):
        """Frozen beyond its lease: others may take it for dead, and it goes on as if nothing was."""
        daemon = self.daemon()
        if daemon in self.stopped:
            return
        self.note("stop", daemon=daemon)
        self.fleet.send_quietly(daemon, signal.SIGSTOP)
        self.stopped[daemon] = time.monotonic() + STOPPED

    def tick(self):
        """Lets those go on whose time has come."""
        for daemon, until in list(self.stopped.items()):
            if time.monotonic() > until:
                self.fleet.send_quietly(daemon, signal.SIGCONT)
                del self.stopped[daemon]
        if self.stages and time.monotonic() > self.next_stage:
            self.go_on_with_restore()

    def go_on_with_restore(self):
        self.stopped.pop("controller", None)
        self.stages.pop(0)()
        self.next_stage = time.monotonic() + self.pauses.uniform(0.3, 2)

    def restore(self):
        """The controller is backed up; some time later its data is lost and restored from there, and
        still later a person ends the recovery. Everything else goes on meanwhile."""
        if self.stages:
            return
        self.note("restore")
        self.stopped.pop("controller", None)
        self.fleet.send_quietly("controller", signal.SIGCONT)
        restoring = Restoring(self.fleet)
        restoring.back_up()
        stages = [restoring.restore, lambda: recover(self.fleet)]
        # Now and then the disk is lost again before there is a newer backup: what the first recovery
        # began is then unknown to the second.
        self.stages = stages * (2 if self.rng.random() < 0.25 else 1)
        self.next_stage = time.monotonic() + self.pauses.uniform(0.3, 2)

    def kill_database(self):
        name = self.rng.choice([n for n in self.fleet.names if n != "redis"])
        self.note("kill_database", instance=name)
        pid = self.fleet.pid(name)
        if pid is None:
            return
        os.kill(pid, signal.SIGKILL)
        while start_time(pid) is not None:
            self.fleet.reap()
            time.sleep(0.02)
        self.fleet.shell(f"start_{name}")

    # -- The network ------------------------------------------------------------------------------

    def proxy(self):
        name = self.rng.choice(sorted(self.proxies))
        return name, self.proxies[name]

    def cut(self):
        name, proxy = self.proxy()
        self.note("cut", agent=name)
        proxy.cut()

    def stall(self):
        name, proxy = self.proxy()
        direction = self.rng.choice((TO_CLIENT, TO_SERVER))
        self.note("stall", agent=name, direction=direction)
        proxy.stall(direction)

    def slow_network(self):
        name, proxy = self.proxy()
        seconds = self.rng.choice((0.05, 0.3, 1.5))
        self.note("slow_network", agent=name, seconds=seconds)
        proxy.delay(seconds)

    def half_close(self):
        name, proxy = self.proxy()
        direction = self.rng.choice((TO_CLIENT, TO_SERVER))
        self.note("half_close", agent=name, direction=direction)
        proxy.half_close(direction)

    def cut_in_message(self):
        name, proxy = self.proxy()
        direction = self.rng.choice((TO_CLIENT, TO_SERVER))
        count = self.rng.randrange(1, 3000)
        self.note("cut_in_message", agent=name, direction=direction, bytes=count)
        proxy.limit_bytes_then_cut(count, direction)

    # -- Inside the daemons -----------------------------------------------------------------------

    def with_orders(self, kind, daemon, orders):
        self.note(kind, daemon=daemon, orders=orders)
        self.stopped.pop(daemon, None)
        self.dirty.add(daemon)
        self.fleet.reboot(daemon, orders)

    def messages(self):
        """Messages lost, doubled and out of order, though the stream lives."""
        daemon = self.daemon()
        place, kinds = (("control.send", CONTROLS) if daemon == "controller" else
                        ("link.send", MESSAGES))
        orders = [f"{place}{kind}={action}%{self.rng.choice((3, 10, 25))}" for kind in kinds
                  for action in ("drop", "duplicate", "swap") if self.rng.random() < 0.4]
        if orders:
            self.with_orders("messages", daemon, ";".join(orders))

    def sync_point(self, daemon, when):
        return ("store.commit" if daemon == "controller" else "journal.commit") + "." + when

    def slow_sync(self):
        daemon = self.daemon()
        self.with_orders("slow_sync", daemon, f"{self.sync_point(daemon, 'before')}=delay:"
                         f"{self.rng.choice((30, 120))}%30")

    def failing_sync(self):
        daemon = self.daemon()
        self.with_orders("failing_sync", daemon, f"{self.sync_point(daemon, 'before')}=error@"
                         f"{self.rng.randrange(5, 60)}")

    def committed_but_unheard(self):
        """It is on the disk, and whoever asked for it is told that it failed."""
        daemon = self.daemon()
        self.with_orders("committed_but_unheard", daemon, f"{self.sync_point(daemon, 'after')}=error@"
                         f"{self.rng.randrange(5, 60)}")

    def full_disk(self):
        daemon = self.daemon()
        point = self.sync_point(daemon, "before")
        orders = f"{point}=error:enospc%{self.rng.choice((5, 20))}"
        if daemon != "controller":
            orders += ";file.write.before=error:enospc%20"
        self.with_orders("full_disk", daemon, orders)

    def clock_jump(self):
        seconds = self.rng.choice((-86400 * 3, -3600, -20, 20, 3600))
        daemon = self.daemon()
        self.note("clock_jump", daemon=daemon, seconds=seconds)
        self.fleet.set_clock(daemon, seconds)

    # -- Healing ----------------------------------------------------------------------------------

    def heal(self):
        self.fleet.log.add("heal")
        for proxy in self.proxies.values():
            proxy.resume()
        for daemon in list(self.stopped):
            self.fleet.send_quietly(daemon, signal.SIGCONT)
        self.stopped.clear()
        for daemon in self.fleet.daemons():
            self.fleet.set_clock(daemon, 0)
        while self.stages:
            self.go_on_with_restore()
        for daemon in sorted(self.dirty):
            self.fleet.reboot(daemon, number=signal.SIGTERM)
        self.dirty.clear()
        if self.fleet.restores > 0:
            self.leave_recovery()
            # The backup may be of a moment in which it was taken out of service.
            self.fleet.ask("admin", "agent", "drain", "redis", "--undo")

    def leave_recovery(self):
        """An agent that was away during the recovery may tell of still more, and demand another. One
        that has seen the epoch of a clock that was ahead does not come before that is known to the
        controller, and looks every ten seconds. One that renewed its certificate in the lost time
        comes back by itself, unless a clock has jumped."""
        for _ in range(5):
            deadline = time.monotonic() + 12
            while time.monotonic() < deadline and self.away():
                time.sleep(0.1)
            if demands_recovery(self.fleet):
                recover(self.fleet, "an agent told of more")
            elif not self.away():
                return
            for name in self.away():
                if locked_out(self.fleet, name):
                    if not self.clock:
                        raise AssertionError(f"{name} is locked out\n{self.fleet.logs()}")
                    enrol_again(self.fleet, name)
                elif self.clock and f"agent-{name}" in self.fleet.binaries:
                    # An older program looks every two minutes only.
                    self.fleet.reboot(f"agent-{name}", number=signal.SIGTERM)

    def away(self):
        return [n for n in self.fleet.names if '"STATE_CONNECTED"' not in self.fleet.cli(
            "admin", "agent", "get", n, "-o", "json").out]
