"""What an attacker sends, over a real connection: refused, and the honest are answered before and after."""

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from roadmark.executor.access import SCOPES

from .conftest import Workbench
from .server import Impatient, Server

H = b"Host: 127.0.0.1\r\n"
END = b"Connection: close\r\n\r\n"
DEEP = b"[" * 5_000 + b"]" * 5_000
TRAVERSALS = (
    *("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "..\\..\\etc\\passwd"),
    *("....//....//etc/passwd", "%252e%252e%252fetc%252fpasswd", "..%c0%af..%c0%afetc/passwd", "/etc/passwd"),
    *("roadmark.css/../../app.py", "..%5c..%5capp.py", "roadmark.css%00.png", "%2e%2e%2fapp.py", "."),
)
BELOW = ("/static/", "/schemas/", "/rules/", "/problems/", "/live/", "/api/docs/", "/tasks/", "/api/tasks/")
HOSTS = (
    *(b"evil.example", b"127.0.0.1.evil.example", b"localhost@evil.example", b"evil.example#127.0.0.1"),
    *(b"127.0.0.1, evil.example", b"[::ffff:127.0.0.2]", b"0x7f000001", b"2130706433", b"127.1", b""),
    *(b"localhost:8484@evil.example", b"[::1]evil.example", b"[::1", b"127.0.0.1:80:evil.example"),
    *(b"localhost:evil.example", b"127.0.0.1:80/evil.example", b"localhost:123456", b"localhost..evil"),
)
SMUGGLED = (
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    b"Transfer-Encoding: xchunked\r\n",
    b"Transfer-Encoding: chunked, identity\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Content-Length: 5\r\nContent-Length: 6\r\n",
    b"Content-Length: +5\r\n",
    b"Content-Length: -1\r\n",
    b"Content-Length: 0x5\r\n",
    b"Content-Length: 5 5\r\n",
    b"Content-Length: 99999999999999999999\r\n",
    b"X-Nul: a\x00b\r\n",
    b"X-Bare: a\rb\r\n",
    b"No-Colon\r\n",
    b": no name\r\n",
    b"Na me: value\r\n",
    b"Host: evil.example\r\n",
)
LINES = (
    *(b"GET / HTTP/0.9", b"GET / HTTP/9.9", b"GET  / HTTP/1.1", b"GET / ", b"/ HTTP/1.1", b"PRI * HTTP/2.0"),
    *(b"GET /\x00 HTTP/1.1", b"GET /\x7f HTTP/1.1", b"G\xc3\x89T / HTTP/1.1", b"GET /\tx HTTP/1.1"),
)
BODIES = (
    *(b"", b"{", b"[]", b"null", b'"text"', b"1", b"{}", DEEP, b'{"task_id":NaN}', b'{"task_id":1e999}'),
    *(b'{"task_id":"a","task_id":"b"}', b'\xef\xbb\xbf{"task_id":"a"}', '{"task_id":"a"}'.encode("utf-16")),
    *(b'{"task_id":"\\ud800"}', b'{"task_id":"\\u0000"}', b'{"task_id":["a"]}', b'{"task_id":{"$ne":""}}'),
    *(b'{"task_id":"%s"}' % (b"x" * 501), b'{"task_id":"a","__proto__":{"admin":true}}', b"\xff\xfe\x00"),
    *(b'{"task_id":"a","started_by":"root"}', b'{"task_id":"\' OR 1=1 --"}', b'{"task_id":"%"}'),
)
QUERIES = (
    *("limit=0", "limit=-1", "limit=101", "limit=1e2", "limit=%31%30%31", "limit=٣", "limit=9" * 1, "limit="),
    *("cursor=", "cursor=%00", "cursor=..", "cursor=" + "A" * 500, "cursor=4pyT8J%2BY", "limit=1%00"),
    *("status=%27", "status=failed%0aX", "limit=99999999999999999999"),
)
TOKENS = (
    *(b"Bearer", b"Bearer ", b"Bearer null", b"Bearer rmk_", b"Bearer rmk_" + b"a" * 43, b"Digest x"),
    *(b"bearer\trmk_x", b"Bearer rmk_x, Bearer rmk_y", b"Bearer ' OR 1=1 --", b"Bearer \xff\xfe"),
    b"Basic YWRtaW46YWRtaW4=",
)
FORGED = (
    b"X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-User: admin\r\n",
    b"X-Original-URL: /livez\r\nX-Rewrite-URL: /livez\r\n",
    b"X-HTTP-Method-Override: GET\r\n",
    b"Cookie: roadmark_8484=admin; roadmark=1; __Host-roadmark=1\r\n",
    b"Forwarded: for=127.0.0.1;host=localhost;by=admin\r\n",
    b"X-Remote-User: admin\r\nRemote-User: admin\r\n",
)
FOREIGN = (
    *(b"Origin: null\r\n", b"Origin: http://evil.example\r\n", b"Origin: http://127.0.0.1.evil.example\r\n"),
    *(b"Origin: http://evil.example#127.0.0.1\r\n", b"Origin: http://127.0.0.1@evil.example\r\n"),
    *(b"Origin: http://127.0.0.1:1\r\n", b"Origin: file://\r\n", b"Origin: \r\n", b"Origin: 127.0.0.1\r\n"),
    *(b"Sec-Fetch-Site: cross-site\r\n", b"Sec-Fetch-Site: same-site\r\n", b"Sec-Fetch-Site: \r\n"),
    b"Sec-Fetch-Site: cross-site\r\nOrigin: http://127.0.0.1\r\n",
    b"Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n",
    b"Origin: http://127.0.0.1\r\nOrigin: http://evil.example\r\n",
    b"Referer: http://127.0.0.1/\r\n",
    b"",
)
METHODS = (b"TRACE", b"CONNECT", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"PROPFIND", b"get", b"FOO")


@pytest.fixture
def server(bench: Workbench) -> Iterator[Server]:
    made = Server(bench)
    yield made
    made.close()


def status(answer: bytes) -> int:
    """The status of the first answer; 0 where the connection was closed without one."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def hold(server: Server, attacks: list[bytes], refusals: set[int]) -> None:
    """Each attack is refused in one of these ways; an honest caller is answered after all of them."""
    for raw in attacks:
        answer = server.say(raw)
        assert status(answer) in refusals, (raw[:200], answer[:200])
        assert b"root:" not in answer
        assert b"Traceback" not in answer
    assert status(server.say(b"GET /livez HTTP/1.1\r\n" + H + END)) == 200


def test_requests_that_are_none_are_refused(server: Server) -> None:
    hold(server, [line + b"\r\n" + H + END for line in LINES], {0, 400, 303, 404, 505})


def test_a_request_cannot_hide_in_another(server: Server) -> None:
    hidden = b"0\r\n\r\nGET /api/tasks HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    for headers in SMUGGLED:
        answer = server.say(b"POST /api/migration HTTP/1.1\r\n" + H + headers + b"\r\n" + hidden)
        assert status(answer) in {0, 400, 401, 408, 413, 421, 501}, (headers, answer[:200])
        assert answer.count(b"HTTP/1.1 ") <= 1, headers
    hold(server, [], set())


def test_names_that_are_not_ours_are_not_served(server: Server) -> None:
    hold(server, [b"GET /livez HTTP/1.1\r\nHost: " + host + b"\r\n" + END for host in HOSTS], {400, 421})
    unnamed = [b"GET /livez HTTP/1.1\r\n" + END, b"GET http://evil.example/livez HTTP/1.1\r\n" + END]
    hold(server, unnamed, {400})


def test_nobody_climbs_out_of_a_folder(bench: Workbench, server: Server) -> None:
    token = bench.access.make_token("robot", SCOPES).encode()
    bearer = b"Authorization: Bearer " + token + b"\r\n"
    attacks = [
        f"GET {below}{path} HTTP/1.1\r\n".encode() + H + bearer + END
        for below in BELOW
        for path in TRAVERSALS
    ]
    harmless = {0, 400, 404, 405}
    for raw in attacks:
        answer = server.say(raw)
        is_page = status(answer) == 200 and b"text/html" in answer
        assert status(answer) in harmless or is_page, (raw[:120], answer[:200])
        assert b"root:" not in answer
        assert b"create_app" not in answer
    hold(server, [], set())


def test_bodies_that_are_no_orders_start_nothing(bench: Workbench, server: Server) -> None:
    bench.drop("tidy-shelf.md")
    token = bench.access.make_token("robot", SCOPES).encode()
    head = b"POST /api/migration HTTP/1.1\r\n" + H + b"Authorization: Bearer " + token + b"\r\n"
    typed = b"Content-Type: application/json\r\n"
    attacks = [head + typed + b"Content-Length: %d\r\n" % len(body) + END + body for body in BODIES]
    attacks += [
        head + b"Content-Type: " + media_type + b"\r\nContent-Length: 15\r\n" + END + b'{"task_id":"a"}'
        for media_type in (b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data", b"")
    ]
    hold(server, attacks, {400, 404, 409, 415, 422})
    assert bench.tracker.migrations(None, 10) == []


def test_queries_that_make_no_sense_are_refused(bench: Workbench, server: Server) -> None:
    token = bench.access.make_token("robot", SCOPES).encode()
    bearer = b"Authorization: Bearer " + token + b"\r\n"
    for query in QUERIES:
        answer = server.say(f"GET /api/migration?{query} HTTP/1.1\r\n".encode() + H + bearer + END)
        assert status(answer) in ({200} if query == "limit=9" else {0, 400, 404}), (query, answer[:200])
    hold(server, [], set())


def test_nobody_gets_in_by_forged_credentials(bench: Workbench, server: Server) -> None:
    bench.drop("tidy-shelf.md")
    line = b"GET /api/tasks HTTP/1.1\r\n" + H
    attacks = [line + b"Authorization: " + token + b"\r\n" + END for token in TOKENS]
    attacks += [line + forged + END for forged in FORGED]
    attacks.append(b"GET /api/tasks?access_token=rmk_x&token=rmk_y HTTP/1.1\r\n" + H + END)
    hold(server, attacks, {0, 400, 401})


def test_no_other_page_acts_in_a_persons_name(bench: Workbench, server: Server) -> None:
    bench.drop("tidy-shelf.md")
    cookie = session_cookie(bench, server)
    head = b"POST /theme HTTP/1.1\r\n" + H + cookie + b"Content-Type: application/x-www-form-urlencoded\r\n"
    attacks = [head + foreign + b"Content-Length: 10\r\n" + END + b"theme=dark" for foreign in FOREIGN]
    hold(server, attacks, {403})
    for own in (b"Origin: http://127.0.0.1\r\n", b"Sec-Fetch-Site: same-origin\r\n"):
        answer = server.say(head + own + b"Content-Length: 10\r\n" + END + b"theme=dark")
        assert status(answer) == 303, own


def test_a_session_is_not_taken_from_elsewhere_in_the_cookies(bench: Workbench, server: Server) -> None:
    name, _, secret = session_cookie(bench, server).removeprefix(b"Cookie: ").strip().partition(b"=")
    line = b"GET /api/tasks HTTP/1.1\r\n" + H
    wrong = (
        *(name + b"=" + secret[:-1], name + b"=" + secret + b"x", name.upper() + b"=" + secret, secret),
        *(b"x=" + name + b"=" + secret, name + b"_oidc=" + secret, b"__Host-" + name + b"=" + secret),
        *(name + b"=" + secret + b"; " + name + b"=x", name + b"=", name + b"=" + secret.swapcase()),
    )
    hold(server, [line + b"Cookie: " + cookie + b"\r\n" + END for cookie in wrong], {401})
    assert status(server.say(line + b"Cookie: " + name + b"=" + secret + b"\r\n" + END)) == 200


def session_cookie(bench: Workbench, server: Server) -> bytes:
    """The cookie header of a person who signed in just now."""
    link = bench.access.make_link("anna", SCOPES).encode()
    said = server.say(b"POST /sign-in/" + link + b" HTTP/1.1\r\n" + H + b"Content-Length: 0\r\n" + END)
    (cookie,) = (line for line in said.split(b"\r\n") if line.lower().startswith(b"set-cookie: "))
    return b"Cookie: " + cookie.partition(b": ")[2].partition(b";")[0] + b"\r\n"


def test_methods_that_nobody_offers_do_nothing(bench: Workbench, server: Server) -> None:
    token = bench.access.make_token("robot", SCOPES).encode()
    bearer = b"Authorization: Bearer " + token + b"\r\n"
    attacks = [
        method + b" " + path + b" HTTP/1.1\r\n" + H + bearer + END
        for method in METHODS
        for path in (b"/api/tasks", b"/api/migration", b"/", b"/livez")
    ]
    hold(server, attacks, {0, 400, 405})


def test_a_header_cannot_be_put_into_an_answer(server: Server) -> None:
    split = "%0d%0aX-Evil:%20yes"
    for path in ("/sign-in?next=/%0d%0aSet-Cookie:%20a=b", f"/{split}", f"/jump?q={split}"):
        answer = server.say(f"GET {path} HTTP/1.1\r\n".encode() + H + END)
        head = answer.split(b"\r\n\r\n")[0].lower()
        assert b"\r\nx-evil" not in head, path
        assert b"\r\nset-cookie: a=b" not in head, path


def test_too_much_of_everything_is_refused(server: Server) -> None:
    line = b"GET /livez HTTP/1.1\r\n" + H
    big = [
        line + b"X-Big: " + b"a" * 1_000_000 + b"\r\n" + END,
        line + b"".join(b"X-%d: a\r\n" % n for n in range(200_000)) + END,
        b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n" + H + END,
        b"POST /api/migration HTTP/1.1\r\n" + H + b"Content-Length: 2000000\r\n" + END,
    ]
    hold(server, big, {0, 400, 413, 414, 431})


def test_who_sends_no_header_is_not_waited_for(bench: Workbench) -> None:
    server = Server(bench, Impatient)
    try:
        for begun in (b"", b"G", b"GET /livez HTTP/1.1\r\n", b"GET /livez HTTP/1.1\r\n" + H + b"X-Slow: "):
            with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
                connection.sendall(begun)
                assert connection.recv(100) == b"", begun
        with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
            for _ in range(2):
                connection.sendall(b"GET /livez HTTP/1.1\r\n" + H + b"\r\n")
                answer = b""
                while not answer.endswith(b'{"status":"ok"}'):
                    answer += connection.recv(65536)
    finally:
        server.close()


def test_a_body_that_nobody_reads_holds_no_connection(bench: Workbench) -> None:
    server = Server(bench, Impatient)
    try:
        for head in (b"GET /livez HTTP/1.1\r\n" + H, b"HEAD / HTTP/1.1\r\n" + H):
            with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
                connection.sendall(head + b"Content-Length: 1000000\r\n\r\n")
                assert drips_until_closed(connection) < 10_000
    finally:
        server.close()


def drips_until_closed(connection: socket.socket) -> int:
    """How many bytes of a body were taken, each as soon as one may be sent, before the server gave up."""
    connection.settimeout(0.05)
    for sent in range(10_000):
        try:
            if connection.recv(65536) == b"":
                return sent
        except TimeoutError:
            pass
        except ConnectionError:
            return sent
        with suppress(ConnectionError):
            connection.send(b"x")
    return 10_000


def test_the_list_is_long() -> None:
    counted = (
        LINES,
        SMUGGLED,
        HOSTS,
        TRAVERSALS * len(BELOW),
        BODIES,
        QUERIES,
        TOKENS,
        FORGED,
        METHODS * 4,
        FOREIGN,
    )
    assert sum(map(len, counted)) + len(FOREIGN) >= 137
