"""A local server that breaks off, resumes and changes its file as it is told."""

import http.server

CONTENT = bytes(range(256)) * 400  # 102,400 bytes


class Server(http.server.ThreadingHTTPServer):
    """Serves `content` at every path; its attributes say how well, `requests` what was asked (Range headers)."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.tag, self.date = CONTENT, '"v1"', None
        self.ranges = self.if_range = True  # whether it can resume, and whether it heeds If-Range
        self.break_after = []  # bytes after which each of the next answers breaks off
        self.status = []  # the status of each of the next answers, where not 200
        self.shift = 0  # how far a resumed answer begins from where it was asked to
        self.type, self.length = "application/octet-stream", True
        self.requests, self.starts = [], []  # and where each answer began

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/file.bin"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, asked = self.server, self.headers.get("Range")
        server.requests.append(asked)
        if server.status and (status := server.status.pop(0)) != 200:
            self.send_error(status)
            return
        start, total = 0, len(server.content)
        wanted = self.headers.get("If-Range")  # a weak tag never matches
        same = not server.if_range or wanted in (None, server.date) or (wanted == server.tag and wanted[0] == '"')
        if asked and server.ranges and same:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= total:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{total}")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start + server.shift}-{total - 1}/{total}")
        else:
            self.send_response(200)
        for name, value in (("ETag", server.tag), ("Last-Modified", server.date), ("Content-Type", server.type)):
            if value:
                self.send_header(name, value)
        if server.length:
            self.send_header("Content-Length", str(total - start))
        self.end_headers()
        server.starts.append(start)
        end = start + server.break_after.pop(0) if server.break_after else total
        self.wfile.write(server.content[start:end])

    def log_message(self, *arguments):
        pass
