"""An RTSP server on the loopback device that serves H.264 files; run it with Debian's Python.

usage: python3 rtsp_server.py PORT FILE...   serves the files at /0, /1, ... and prints 'ready'
"""

import sys

import gi

gi.require_version('Gst', '1.0')
gi.require_version('GstRtspServer', '1.0')
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402


def main(port: str, files: list[str]) -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer.new()
    server.set_address('127.0.0.1')
    server.set_service(port)
    for number, file in enumerate(files):
        factory = GstRtspServer.RTSPMediaFactory.new()
        factory.set_launch(
            f'( filesrc location="{file}" ! qtdemux ! h264parse config-interval=-1 '
            '! rtph264pay name=pay0 pt=96 )'
        )
        server.get_mount_points().add_factory(f'/{number}', factory)
    server.attach(None)
    print('ready', flush=True)
    GLib.MainLoop().run()


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2:])
