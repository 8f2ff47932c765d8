/*
 * floor - the least that a server of event streams can do.
 *
 * One thread, one epoll set, no dependency but libc.  It keeps nothing, knows
 * nobody, and sends what is posted to every stream at once, straight from the
 * loop: what it takes, the kernel takes, and no server on this machine is
 * faster in one process.  It answers the same paths as bare.py.
 *
 *   GET  /events     a stream
 *   POST anything    the body becomes an event
 *   GET  anything    OK
 *
 * Build: gcc -O2 -Wall -Wextra -o floor floor.c
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define LARGEST 16384 /* request, head and body */

/* What is known of a connection; its place in the table is its descriptor. */
typedef struct {
    char *held;   /* the beginning of a request whose end has not come */
    unsigned len; /* of that */
    int place;    /* among the listeners, or -1 */
} conn;

static conn *conns;
static int *listeners, listening;
static int ep;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void hang_up(int fd) {
    conn *c = &conns[fd];
    if (c->place >= 0) { /* the last one moves up */
        int last = listeners[--listening];
        listeners[c->place] = last;
        conns[last].place = c->place;
    }
    free(c->held);
    *c = (conn){.place = -1};
    close(fd);
}

/* Whoever takes no more is hung up on: nothing is kept for anybody. */
static bool sent(int fd, const char *what, size_t len) {
    if (send(fd, what, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len) return true;
    hang_up(fd);
    return false;
}

static bool answered(int fd, const char *body) {
    char out[256];
    int n = snprintf(out, sizeof out, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    return sent(fd, out, (size_t)n);
}

static bool stream(int fd) {
    static const char head[] =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n:\n\n";
    if (conns[fd].place < 0) {
        conns[fd].place = listening;
        listeners[listening++] = fd;
    }
    return sent(fd, head, sizeof head - 1);
}

static void tell(const char *body, size_t len) {
    static char event[LARGEST + 16];
    size_t n = 0;
    n += (size_t)sprintf(event, "data: ");
    memcpy(event + n, body, len);
    n += len;
    memcpy(event + n, "\n\n", 2);
    for (int i = listening - 1; i >= 0; i--) /* from the end: hang_up moves the last one */
        sent(listeners[i], event, n + 2);
}

/* Answers the request that p begins with.  Says how long it was: 0 if its end
 * has not come, -1 if the connection is gone. */
static long serve(int fd, char *p, size_t len) {
    char *end = memmem(p, len, "\r\n\r\n", 4);
    if (!end) return 0;
    *end = 0; /* the head is a string now */
    char *length = strcasestr(p, "\r\ncontent-length:");
    size_t body = length ? strtoul(length + 17, NULL, 10) : 0, head = (size_t)(end - p) + 4;
    bool there;
    if (body > LARGEST) {
        hang_up(fd);
        return -1;
    }
    if (head + body > len) {
        *end = '\r';
        return 0;
    }
    if (!strncmp(p, "GET /events", 11)) there = stream(fd);
    else if (!strncmp(p, "POST ", 5)) {
        tell(end + 4, body);
        there = answered(fd, "{}");
    } else there = answered(fd, "OK");
    return there ? (long)(head + body) : -1;
}

static void readable(int fd) {
    static char in[LARGEST];
    conn *c = &conns[fd];
    size_t len = c->len, done = 0;
    if (len) memcpy(in, c->held, len);
    ssize_t got = recv(fd, in + len, sizeof in - len, MSG_DONTWAIT);
    if (got < 0) return; /* somebody else's event: the descriptor was closed and is another now */
    if (got == 0) {
        hang_up(fd);
        return;
    }
    len += (size_t)got;
    while (done < len) {
        long n = serve(fd, in + done, len - done);
        if (n < 0) return;
        if (n == 0) break;
        done += (size_t)n;
    }
    free(c->held);
    c->held = NULL;
    c->len = (unsigned)(len - done);
    if (c->len == sizeof in) hang_up(fd);
    else if (c->len) {
        c->held = malloc(c->len);
        if (!c->held) fail("malloc");
        memcpy(c->held, in + done, c->len);
    }
}

static void welcome(int port) {
    int fd, one = 1;
    while ((fd = accept4(port, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        conns[fd] = (conn){.place = -1};
        if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) < 0) fail("epoll_ctl");
    }
}

static int opened(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here;
    if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof here) < 0 || listen(fd, 4096) < 0) fail("listen");
    getsockname(fd, (struct sockaddr *)&here, &size);
    printf("listens at http://127.0.0.1:%d\n", ntohs(here.sin_port));
    fflush(stdout);
    return fd;
}

int main(void) {
    struct rlimit most;
    getrlimit(RLIMIT_NOFILE, &most);
    conns = calloc(most.rlim_cur, sizeof *conns);
    listeners = calloc(most.rlim_cur, sizeof *listeners);
    ep = epoll_create1(EPOLL_CLOEXEC);
    if (!conns || !listeners || ep < 0) fail("floor");
    int port = opened();
    struct epoll_event e = {.events = EPOLLIN, .data.fd = port}, events[256];
    if (epoll_ctl(ep, EPOLL_CTL_ADD, port, &e) < 0) fail("epoll_ctl");
    for (;;) {
        int n = epoll_wait(ep, events, 256, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == port) welcome(port);
            else readable(events[i].data.fd);
        }
    }
}
