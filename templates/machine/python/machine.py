#!/usr/bin/env python3
"""
A state machine of your own: counters that are never below zero.

Every signer of a cluster runs this program and gives it the same transactions in the same order, as far as they share a key. What comes of them must
therefore be the same everywhere: no clock, no random numbers, no files, no network, nothing that hangs on the order of a set. The class is the machine;
what stands below it is how it is spoken to. stdout belongs to the signer: print to stderr instead, it goes to the signer's log.
"""

import hashlib
import json
import sys

MOST = 2**53 - 1


class Counters:
    def __init__(self):
        self.counters = {}

    def check(self, transaction):
        """Why this transaction can never be valid, or None. Looks at the transaction alone, never at the state."""
        try:
            read_operation(transaction)
        except ValueError as error:
            return str(error)
        return None

    def apply(self, transaction, position):
        """Executes a transaction. One that cannot be done now is refused with a reason, and changes nothing."""
        operation = read_operation(transaction)
        counter = operation["counter"]
        value = self.counters.get(counter, 0) + operation["amount"]
        if not 0 <= value <= MOST:
            return {"ok": False, "reason": f"counter {counter} would be {value}"}
        self.counters[counter] = value
        return {"ok": True, "result": {"counter": counter, "value": value}}

    def query(self, path):
        """What is at this path, or None. Paths are yours: here they are the keys."""
        return self.counters.get(path.removeprefix("counter:")) if path.startswith("counter:") else None

    def digest(self):
        """32 bytes that are equal exactly where the state is: so entries are sorted. Asked for after every transaction."""
        return hashlib.sha256(self.snapshot()).digest()

    def snapshot(self):
        """The whole state as bytes."""
        return json.dumps(self.counters, sort_keys=True, ensure_ascii=True).encode()

    def restore(self, snapshot):
        """Takes the place of everything. Fails on what is no snapshot, and then changes nothing."""
        counters = json.loads(snapshot)
        if not isinstance(counters, dict) or not all(is_whole(value) for value in counters.values()):
            raise ValueError("not a snapshot of counters")
        self.counters = counters


def read_operation(transaction):
    """The payload: {"op": "add", "counter": "apples", "amount": 3}. The key that it touches must be among the transaction's keys."""
    try:
        operation = json.loads(bytes.fromhex(transaction["payload"]).decode())
    except (ValueError, RecursionError):
        raise ValueError("the payload is not JSON") from None
    if not isinstance(operation, dict) or set(operation) != {"op", "counter", "amount"} or operation["op"] != "add":
        raise ValueError('the payload is not {"op": "add", "counter": …, "amount": …}')
    counter, amount = operation["counter"], operation["amount"]
    if not isinstance(counter, str) or not counter.isascii() or not counter.isalnum():
        raise ValueError("“counter” is no name of ASCII letters and digits")
    if not is_whole(amount):
        raise ValueError("“amount” is no whole number")
    if f"counter:{counter}" not in transaction["deps"]:
        raise ValueError(f"counter:{counter} is touched and is not among the keys")
    return operation


def is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MOST


def main():
    """One call a line from the signer, one answer a line to it, until it closes its end."""
    machine = Counters()
    calls = {
        "check": lambda call: machine.check(call["transaction"]),
        "apply": lambda call: machine.apply(call["transaction"], call["position"]),
        "query": lambda call: machine.query(call["path"]),
        "digest": lambda call: machine.digest().hex(),
        "snapshot": lambda call: machine.snapshot().hex(),
        "restore": lambda call: machine.restore(bytes.fromhex(call["snapshot"])),
    }
    for line in sys.stdin:
        call = json.loads(line)
        try:
            answer = {"id": call["id"], "value": calls[call["call"]](call)}
        except Exception as error:  # Told to the signer, which counts it and says so; what apply had begun must be undone by then.
            answer = {"id": call["id"], "error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
