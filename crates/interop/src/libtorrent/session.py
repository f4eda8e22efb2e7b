"""A libtorrent session that is told what to do, one JSON object a line, and answers each.

    session.py IPV4 IPV6 SETTINGS

Settings are libtorrent's own, but for discovery, which is off, and those that are given as a JSON
object.
"""

import json
import sys
import time

import libtorrent as lt

SCRAPE_SECONDS = 30


def open_session(v4, v6, settings):
    params = lt.session_params()
    params.settings = {
        "listen_interfaces": f"{v4}:6881,[{v6}]:6881",
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "alert_mask": lt.alert.category_t.error_notification
        | lt.alert.category_t.status_notification
        | lt.alert.category_t.tracker_notification
        | lt.alert.category_t.peer_notification
        | lt.alert.category_t.connect_notification
        | lt.alert.category_t.dht_notification
        | lt.alert.category_t.dht_operation_notification,
    } | json.loads(settings)
    return lt.session(params)


class Driver:
    def __init__(self, session):
        self.session = session
        self.handles = {}
        self.added = {}
        self.named = {}

    def drain(self):
        alerts = self.session.pop_alerts()
        for alert in alerts:
            print(f"{time.monotonic():.3f} {alert.what()}: {alert.message()}", file=sys.stderr)
            if isinstance(alert, lt.dht_reply_alert) and alert.num_peers > 0:
                self.named.setdefault(alert.handle, time.monotonic())
        return alerts

    def add(self, name, source, folder):
        if source.startswith("magnet:"):
            params = lt.parse_magnet_uri(source)
        else:
            params = lt.load_torrent_file(source)
        params.save_path = folder
        params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
        self.added[name] = time.monotonic()
        self.handles[name] = self.session.add_torrent(params)
        return {}

    def connect(self, name, ip, port):
        self.handles[name].connect_peer((ip, port))
        return {}

    def status(self, name):
        status = self.handles[name].status()
        if status.errc.value():
            return {"error": status.errc.message()}
        return {"seeding": status.is_seeding, "progress": status.progress}

    def nodes(self, ip, port):
        """How many it knows; asks this one, whom it may have asked in vain when it started."""
        self.session.add_dht_node((ip, port))
        self.session.post_session_stats()
        deadline = time.monotonic() + SCRAPE_SECONDS
        while time.monotonic() < deadline:
            self.session.wait_for_alert(100)
            for alert in self.drain():
                if isinstance(alert, lt.session_stats_alert):
                    return {"nodes": alert.values["dht.dht_nodes"]}
        return {"error": "no statistics"}

    def first_peer(self, name):
        """Seconds from when it was added until the DHT named a peer."""
        handle, deadline = self.handles[name], time.monotonic() + SCRAPE_SECONDS
        while handle not in self.named and time.monotonic() < deadline:
            self.session.wait_for_alert(100)
            self.drain()
        if handle not in self.named:
            return {"error": "the DHT names no peer"}
        return {"seconds": self.named[handle] - self.added[name]}

    def scrape(self, name):
        handle = self.handles[name]
        handle.scrape_tracker()
        deadline = time.monotonic() + SCRAPE_SECONDS
        failure = "no answer to a scrape"
        while time.monotonic() < deadline:
            self.session.wait_for_alert(100)
            for alert in self.drain():
                if isinstance(alert, lt.scrape_reply_alert) and alert.handle == handle:
                    return {"complete": alert.complete, "incomplete": alert.incomplete}
                if isinstance(alert, lt.scrape_failed_alert) and alert.handle == handle:
                    # From each of its sockets it asks once, and one is of the wrong family.
                    failure = alert.message()
        return {"error": failure}


def main():
    driver = Driver(open_session(*sys.argv[1:]))
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(driver, request.pop("do"))(**request)
        except Exception as error:  # An answer is owed to every request.
            answer = {"error": repr(error)}
        driver.drain()
        sys.stderr.flush()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
