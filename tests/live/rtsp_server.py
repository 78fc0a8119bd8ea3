"""A GStreamer RTSP server of one H.264 stream on 127.0.0.1; run by the system's Python, which has GStreamer.

/usr/bin/python3 rtsp_server.py PORT     prints "ready" when it serves rtsp://127.0.0.1:PORT/camera
/usr/bin/python3 rtsp_server.py --check  exits with 0 where everything is installed
"""

import sys


def main() -> int:
    try:
        import gi

        gi.require_version("Gst", "1.0")
        gi.require_version("GstRtspServer", "1.0")
        from gi.repository import GLib, Gst, GstRtspServer
    except (ImportError, ValueError):
        return 3
    Gst.init(None)
    if any(Gst.ElementFactory.find(name) is None for name in ("videotestsrc", "x264enc", "rtph264pay")):
        return 3
    if sys.argv[1] == "--check":
        return 0
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[1])
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1 ! "
        "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! rtph264pay name=pay0 pt=96 )"
    )
    factory.set_shared(True)
    server.get_mount_points().add_factory("/camera", factory)
    server.attach(None)
    print("ready", flush=True)
    GLib.MainLoop().run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
