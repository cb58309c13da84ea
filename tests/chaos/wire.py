"""Just enough of the protobuf wire format to read what the product stores as blobs.

The tests use the standard library only, so the few messages that matter are read by their field
numbers (proto/dbfleet/{work,agent}/v1). Unknown fields are skipped, as every reader of protobuf does.
"""
import struct


def fields(data):
    """{field number: [values]}: integers for varints and fixed, bytes for everything else."""
    found, at = {}, 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(data, at)
        elif kind == 1:
            value, at = struct.unpack_from("<Q", data, at)[0], at + 8
        elif kind == 2:
            size, at = _varint(data, at)
            value, at = bytes(data[at:at + size]), at + size
            if len(value) != size:
                raise ValueError("a message is cut off")
        elif kind == 5:
            value, at = struct.unpack_from("<I", data, at)[0], at + 4
        else:
            raise ValueError(f"wire type {kind}")
        found.setdefault(number, []).append(value)
    return found


def _varint(data, at):
    value, shift = 0, 0
    while True:
        if at >= len(data):
            raise ValueError("a number is cut off")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def number(message, field):
    return message.get(field, [0])[-1]


def text(message, field):
    return message.get(field, [b""])[-1].decode(errors="replace")


def texts(message, field):
    return [value.decode(errors="replace") for value in message.get(field, [])]


def child(message, field):
    """The sub-message, empty when it is not there."""
    return fields(message.get(field, [b""])[-1])


def seconds(message, field):
    """A Timestamp as unix seconds; 0 when it is not there."""
    time = child(message, field)
    return number(time, 1) + number(time, 2) / 1e9


def step(data):
    """A work.v1.Step of a plan."""
    m = fields(data)
    return {"index": number(m, 1), "version": text(m, 2), "sql": text(m, 3), "safety": number(m, 7)}


def plan(blob):
    """work.v1.Plan; None when there is none."""
    if not blob:
        return None
    m = fields(blob)
    return {"forward": [step(s) for s in m.get(1, [])], "rollback": [step(s) for s in m.get(2, [])],
            "versions": texts(m, 3), "safety": number(m, 6), "nothing_to_do": bool(number(m, 12))}


def result(blob):
    """What of a work.v1.TaskResult says which versions and which backup are there."""
    m = fields(blob or b"")
    found = {}
    if 3 in m:
        backup = child(m, 3)
        found["backup"] = {"backup_id": text(backup, 1), "manifest_sha256": text(backup, 9)}
    if 4 in m:
        verify = child(m, 4)
        found["verify"] = {"backup_id": text(verify, 1), "manifest_sha256": text(verify, 6)}
    if 5 in m:
        migrate = child(m, 5)
        found["migrate"] = {"applied": texts(migrate, 1), "rolled_back_versions": texts(migrate, 2),
                            "rolled_back": bool(number(migrate, 3)),
                            "remaining": texts(migrate, 4)}
    return found


def direction(spec_blob):
    """ "up" or "down" of a JobSpec that migrates, else ""."""
    m = fields(spec_blob or b"")
    return {1: "up", 2: "down"}.get(number(child(m, 5), 4), "") if 5 in m else ""


EVENT_KINDS = {5: "accepted", 6: "declined", 7: "started", 8: "step", 9: "finished",
               10: "late_result"}


def event(blob):
    """agent.v1.Event."""
    m = fields(blob)
    kind = next((name for field, name in EVENT_KINDS.items() if field in m), "")
    found = {"seq": number(m, 1), "time": seconds(m, 2), "attempt": text(m, 3),
             "fence": number(m, 4), "kind": kind}
    if kind in ("finished", "late_result"):
        found["outcome"] = number(child(m, 9 if kind == "finished" else 10), 1)
    return found


def offer(blob):
    """agent.v1.Offer, without its specification."""
    m = fields(blob)
    return {"job": text(m, 2), "task": text(m, 3), "instance": text(m, 4), "epoch": number(m, 6),
            "purpose": {1: "plan", 2: "execute"}.get(number(m, 7), ""),
            "safe_to_rerun": bool(number(m, 12))}


def grant(blob):
    """agent.v1.Grant; None when there is none."""
    if blob is None:
        return None
    m = fields(blob)
    return {"fence": number(m, 2), "epoch": number(m, 3), "digest": text(m, 4)}
