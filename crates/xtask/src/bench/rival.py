"""libtorrent at its best on loopback, for `cargo xtask bench`.

    rival.py create CONTENT OUT PIECE_LENGTH v1|v2|hybrid
    rival.py check TORRENT FOLDER tcp
    rival.py seed TORRENT FOLDER tcp|utp[+mse]
    rival.py get TORRENT FOLDER tcp|utp[+mse] --peer IP:PORT
    rival.py many TORRENTS FOLDER PORT

Prints one JSON object per line. `ready` comes first; create, check and get then wait for a line
on standard input, work, and print `created`, `checked` or `complete` (everything verified and
flushed). All end when standard input does.
"""

import json
import os
import sys
import time

import libtorrent as lt

# What counts against its defaults: one transport alone, no encryption, a send buffer and a request
# queue that fill the pipe, a hash thread for each of two cores.
SETTINGS = {
    "listen_interfaces": "127.0.0.1:0",
    "in_enc_policy": int(lt.enc_policy.disabled),
    "out_enc_policy": int(lt.enc_policy.disabled),
    "send_buffer_watermark": 4 << 20,
    "max_out_request_queue": 2000,
    "max_allowed_in_request_queue": 2000,
    "hashing_threads": 2,
    "allow_multiple_connections_per_ip": True,
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "alert_mask": lt.alert.category_t.error_notification
    | lt.alert.category_t.status_notification
    | lt.alert.category_t.storage_notification,
}

TRANSPORTS = {
    "tcp": {"enable_incoming_utp": False, "enable_outgoing_utp": False},
    # Sockets that hold what comes while it is busy.
    "utp": {
        "enable_incoming_tcp": False,
        "enable_outgoing_tcp": False,
        "recv_socket_buffer_size": 4 << 20,
        "send_socket_buffer_size": 4 << 20,
    },
}

# RC4 for everything that is said, as our `require` takes it first.
MSE = {
    "in_enc_policy": int(lt.enc_policy.forced),
    "out_enc_policy": int(lt.enc_policy.forced),
    "allowed_enc_level": int(lt.enc_level.rc4),
}


def say(event, **more):
    print(json.dumps({"event": event, **more}), flush=True)


def ready(settings, **more):
    shown = {key: value for key, value in settings.items() if key != "alert_mask"}
    say("ready", version=lt.__version__, settings=shown, **more)


def create(content, out, piece_length, version):
    ready({"set_piece_hashes": "as it comes"})
    sys.stdin.readline()
    flags = {"v1": lt.create_torrent.v1_only, "v2": lt.create_torrent.v2_only, "hybrid": 0}
    torrent = lt.create_torrent(lt.list_files(content), int(piece_length), flags[version])
    lt.set_piece_hashes(torrent, os.path.dirname(content))
    with open(out, "wb") as file:
        file.write(lt.bencode(torrent.generate()))
    say("created")


def settings_of(way):
    transport, _, mse = way.partition("+")
    return {**SETTINGS, **TRANSPORTS[transport], **(MSE if mse else {})}


def session(way):
    params = lt.session_params()
    params.settings = settings_of(way)
    opened = lt.session(params)
    while not opened.listen_port():
        opened.wait_for_alert(100)
        opened.pop_alerts()
    return opened


def add(opened, torrent, folder):
    params = lt.load_torrent_file(torrent)
    params.save_path = folder
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    return opened.add_torrent(params)


def check(torrent, folder, way):
    opened = session(way)
    ready(settings_of(way))
    sys.stdin.readline()
    add(opened, torrent, folder)
    wait_for(opened, lt.torrent_finished_alert)
    say("checked")
    sys.stdin.readline()


def seed(torrent, folder, way):
    opened = session(way)
    # Checked now: in seed mode it would hash each piece when it is first asked for.
    add(opened, torrent, folder)
    wait_for(opened, lt.torrent_finished_alert)
    ready(settings_of(way), port=opened.listen_port())
    sys.stdin.readline()


def many(torrents, folder, port):
    """Every torrent of a folder in seed mode: nothing is looked at before somebody asks."""
    begun = time.monotonic()
    params = lt.session_params()
    params.settings = {
        **settings_of("tcp"),
        "listen_interfaces": f"127.0.0.1:{port}",
        # At rest, whoever seeds counts against these; all are to be served.
        "active_seeds": -1,
        "active_limit": -1,
        "connections_limit": 100_000,
        "alert_queue_size": 1_000_000,
    }
    opened = lt.session(params)
    names = sorted(os.listdir(torrents))
    for name in names:
        params = lt.load_torrent_file(os.path.join(torrents, name))
        params.save_path = folder
        params.flags |= lt.torrent_flags.seed_mode
        params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
        opened.async_add_torrent(params)
    added = 0
    while added < len(names) or not opened.listen_port():
        opened.wait_for_alert(100)
        alerts = opened.pop_alerts()
        added += sum(isinstance(alert, lt.add_torrent_alert) for alert in alerts)
    ready(settings_of("tcp"), seconds=time.monotonic() - begun)
    sys.stdin.readline()


def wait_for(opened, kind):
    while True:
        opened.wait_for_alert(1000)
        for alert in opened.pop_alerts():
            if isinstance(alert, kind):
                return
            if isinstance(alert, (lt.torrent_error_alert, lt.file_error_alert)):
                sys.exit(f"libtorrent: {alert.message()}")


def get(torrent, folder, way, _peer, address):
    opened = session(way)
    ready(settings_of(way))
    sys.stdin.readline()
    handle = add(opened, torrent, folder)
    ip, _, port = address.rpartition(":")
    handle.connect_peer((ip, int(port)))
    wait_for(opened, lt.torrent_finished_alert)
    handle.flush_cache()
    wait_for(opened, lt.cache_flushed_alert)
    say("complete")
    sys.stdin.readline()


if __name__ == "__main__":
    jobs = {"create": create, "check": check, "seed": seed, "get": get, "many": many}
    jobs[sys.argv[1]](*sys.argv[2:])
