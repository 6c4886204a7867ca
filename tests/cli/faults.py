"""An unkind network on loopback: a proxy before a server, for the tests beside this file and by hand.

    python3 tests/cli/faults.py --to 8470 --seed 7 [--port 9000]

It carries bytes and does not look at them, so TLS goes through. What becomes of its n-th connection
is drawn from the seed and n alone: a seed that a failed test prints makes the same schedule again.
"""
import argparse
import asyncio
import dataclasses
import random
import socket
import struct
import threading

FAR = 1 << 62  # bytes: never


@dataclasses.dataclass
class Fate:
    """What becomes of one connection."""
    name: str = "calm"
    delay: float = 0.0      # s that every piece is late, each way
    rate: float = 0.0       # bytes/s; 0: as fast as it goes
    piece: int = 1 << 16    # bytes that are carried at once
    cut_up: int = FAR       # bytes from the client after which it ends
    cut_down: int = FAR     # and from the server
    hold: float = 0.0       # s of silence at its end, in which nobody is told
    is_reset: bool = True   # at its end both are told by a reset; else by a close
    overtaken: int = 0      # pieces of other connections that go before each of the server's

    def __str__(self):
        plain = Fate(self.name)
        return self.name + "".join(
            f" {f.name}={getattr(self, f.name):.6g}" for f in dataclasses.fields(self)[1:]
            if getattr(self, f.name) != getattr(plain, f.name))


def size(draw, most=200_000):
    """Bytes, as often between 100 and 1000 as between 10,000 and 100,000."""
    return int(100 * (most / 100) ** draw.random())


FATES = {
    "calm": (6, lambda d: Fate()),
    "late": (3, lambda d: Fate(delay=d.uniform(0.001, 0.05))),
    "throttled": (2, lambda d: Fate(rate=10 ** d.uniform(4, 6), piece=4096)),
    "crumbs": (1, lambda d: Fate(piece=d.randint(1, 40), delay=0.0005)),
    "overtaken": (3, lambda d: Fate(overtaken=d.randint(1, 5))),
    "request-cut": (4, lambda d: Fate(cut_up=size(d), is_reset=d.random() < 0.7)),
    "reply-cut": (4, lambda d: Fate(cut_down=size(d), is_reset=d.random() < 0.7)),
    "half-open": (2, lambda d: Fate(cut_up=size(d), hold=d.uniform(0.5, 2))),
    "mute": (2, lambda d: Fate(cut_down=size(d), hold=d.uniform(0.5, 2))),
    "refused": (1, lambda d: Fate(cut_up=0)),
    "lost": (1, lambda d: Fate(cut_up=0, hold=d.uniform(0.5, 2))),
}


def fate_of(seed, number, names=None):
    draw = random.Random(f"{seed}/{number}")
    names = list(names or FATES)
    name = draw.choices(names, [FATES[n][0] for n in names])[0]
    fate = FATES[name][1](draw)
    fate.name = name
    if min(fate.cut_up, fate.cut_down) == FAR:  # nothing lasts
        fate.cut_down = 10_000 + size(draw, 2_000_000)
    return fate


class Ended(Exception):
    """A connection has come to the end of its fate."""


class Faults:
    """A proxy before port `to` of this machine. names: of FATES, else all of them. fate: instead of
    drawn ones, what becomes of the n-th connection, from 1."""

    def __init__(self, to, seed, port=0, names=None, heard=None, fate=None):
        self.to, self.seed = to, seed
        self.fate = fate or (lambda number: fate_of(seed, number, names))
        self.up = self.down = 0  # bytes carried from clients, and to them
        self.heard = heard or (lambda line: None)
        self.fates = []   # of connections so far
        self.delivered = 0
        self.is_open = True
        self.loop = asyncio.new_event_loop()
        self.listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(asyncio.start_server(self.carry, sock=self.listener))
        self.loop.run_forever()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
            self.loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        self.loop.close()

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(timeout=30)
        self.listener.close()

    def __str__(self):
        return f"seed {self.seed}: " + "; ".join(
            f"{n}: {fate}" for n, fate in enumerate(self.fates, 1))

    async def carry(self, client, client_out):
        fate = self.fate(len(self.fates) + 1)
        self.fates.append(fate)
        self.heard(f"{len(self.fates)}: {fate}")
        outs = [client_out]
        ways = []
        try:
            server, server_out = await asyncio.open_connection("127.0.0.1", self.to)
            outs.append(server_out)
            ways = [asyncio.ensure_future(self.pump(client, server_out, fate, fate.cut_up, False)),
                    asyncio.ensure_future(self.pump(server, client_out, fate, fate.cut_down, True))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_EXCEPTION)
            if any(way.exception() for way in ways if way.done()):
                await asyncio.sleep(fate.hold)
        except (OSError, asyncio.CancelledError):
            pass  # there is no server now, or no proxy any more: its client is told so
        finally:
            for way in ways:
                way.cancel()
            for out in outs:
                end(out, fate.is_reset)

    async def pump(self, source, out, fate, cut, is_down):
        moved = 0
        if cut == 0:
            raise Ended
        while piece := await source.read(min(fate.piece, cut - moved)):
            await asyncio.sleep(fate.delay + (len(piece) / fate.rate if fate.rate else 0))
            if is_down:
                await self.be_overtaken(fate.overtaken)
            out.write(piece)
            await out.drain()
            moved += len(piece)
            if is_down:
                self.down += len(piece)
            else:
                self.up += len(piece)
            if moved >= cut:
                raise Ended
        out.write_eof() if out.can_write_eof() else None

    async def be_overtaken(self, count):
        """Lets so many pieces of other connections go first; but not for longer than half a second."""
        first = self.delivered + count
        for _ in range(50):
            if self.delivered >= first:
                break
            await asyncio.sleep(0.01)
        self.delivered += 1


def end(out, is_reset):
    if is_reset and (raw := out.get_extra_info("socket")) is not None:
        try:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass  # it is gone
    out.transport.abort() if is_reset else out.close()


def main():
    words = argparse.ArgumentParser(description="An unkind network before a server on this machine.")
    words.add_argument("--to", type=int, required=True, help="the server's port")
    words.add_argument("--seed", default="1", help="of the connections' fates")
    words.add_argument("--port", type=int, default=0, help="to listen on; 0: any")
    words.add_argument("--only", help="fates, comma-separated: " + ",".join(FATES))
    given = words.parse_args()
    proxy = Faults(given.to, given.seed, given.port, given.only and given.only.split(","),
                   lambda line: print(line, flush=True))
    print(f"listening on 127.0.0.1:{proxy.port}", flush=True)
    proxy.thread.join()


if __name__ == "__main__":
    main()
