"""libtorrent at its best on loopback, for `cargo xtask bench`.

    rival.py create CONTENT OUT PIECE_LENGTH v1|v2|hybrid
    rival.py seed TORRENT FOLDER tcp|utp
    rival.py get TORRENT FOLDER tcp|utp PEER_PORT

Prints one JSON object per line. `ready` comes first; create and get then wait for a line on
standard input, work, and print `created` or `complete` (everything verified and flushed). All end
when standard input does.
"""

import json
import os
import sys

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


def session(transport):
    params = lt.session_params()
    params.settings = {**SETTINGS, **TRANSPORTS[transport]}
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


def seed(torrent, folder, transport):
    opened = session(transport)
    # Checked now: in seed mode it would hash each piece when it is first asked for.
    add(opened, torrent, folder)
    wait_for(opened, lt.torrent_finished_alert)
    ready({**SETTINGS, **TRANSPORTS[transport]}, port=opened.listen_port())
    sys.stdin.readline()


def wait_for(opened, kind):
    while True:
        opened.wait_for_alert(1000)
        for alert in opened.pop_alerts():
            if isinstance(alert, kind):
                return
            if isinstance(alert, (lt.torrent_error_alert, lt.file_error_alert)):
                sys.exit(f"libtorrent: {alert.message()}")


def get(torrent, folder, transport, peer_port):
    opened = session(transport)
    ready({**SETTINGS, **TRANSPORTS[transport]})
    sys.stdin.readline()
    handle = add(opened, torrent, folder)
    handle.connect_peer(("127.0.0.1", int(peer_port)))
    wait_for(opened, lt.torrent_finished_alert)
    handle.flush_cache()
    wait_for(opened, lt.cache_flushed_alert)
    say("complete")
    sys.stdin.readline()


if __name__ == "__main__":
    {"create": create, "seed": seed, "get": get}[sys.argv[1]](*sys.argv[2:])
