/*
 * sseload - load generator for HTTP and Server-Sent-Events servers.
 *
 * One thread, one epoll set, no dependency but libc (Linux, glibc >= 2.35).
 *
 *   sseload sse  ...   open N SSE connections, hold them, publish messages by
 *                      POST and measure when every connection has them
 *   sseload http ...   plain HTTP/1.1 keep-alive load, closed or open loop
 *
 * Prints one JSON object on stdout; progress (-v) goes to stderr.
 * `sseload help` lists the options; README.rst beside this file has examples.
 *
 * Build: gcc -O2 -Wall -Wextra -o sseload sseload.c
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

typedef uint64_t u64;
typedef uint32_t u32;
typedef uint8_t u8;

static u64 now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000ull + (u64)t.tv_nsec;
}

static void die(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fputs("sseload: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(2);
}

static void *xcalloc(size_t n, size_t s) {
    void *p = calloc(n ? n : 1, s ? s : 1);
    if (!p) die("out of memory");
    return p;
}

/* ------------------------------------------------------------- histogram
 * Log-linear: 128 sub-buckets per power of two (error < 0.8 %), in ns.    */
#define HSUB 7
#define HN ((64 - HSUB + 1) << HSUB)
typedef struct {
    u64 n, sum, max, min;
    u64 b[HN];
} hist;

static hist *hist_new(void) {
    hist *h = xcalloc(1, sizeof *h);
    h->min = UINT64_MAX;
    return h;
}
static unsigned hidx(u64 v) {
    if (v < (1u << HSUB)) return (unsigned)v;
    int e = 63 - __builtin_clzll(v) - HSUB;
    return (unsigned)(((e + 1) << HSUB) + ((v >> e) - (1u << HSUB)));
}
static u64 hval(unsigned i) {
    if (i < (1u << HSUB)) return i;
    int e = (int)(i >> HSUB) - 1;
    u64 base = ((u64)(i & ((1u << HSUB) - 1)) + (1u << HSUB)) << e;
    return base + ((1ull << e) >> 1);
}
static void hadd(hist *h, u64 v) {
    h->n++;
    h->sum += v;
    if (v > h->max) h->max = v;
    if (v < h->min) h->min = v;
    h->b[hidx(v)]++;
}
static u64 hpct(const hist *h, double p) {
    if (!h->n) return 0;
    u64 want = (u64)(p / 100.0 * (double)h->n + 0.999999), c = 0;
    if (want < 1) want = 1;
    for (unsigned i = 0; i < HN; i++) {
        c += h->b[i];
        if (c >= want) {
            u64 v = hval(i);
            return v > h->max ? h->max : v < h->min ? h->min : v;
        }
    }
    return h->max;
}
static void hprint(const char *name, const hist *h, bool comma) {
    printf("\"%s\":{\"n\":%llu,\"mean_ms\":%.3f,\"p50_ms\":%.3f,\"p90_ms\":%.3f,"
           "\"p99_ms\":%.3f,\"max_ms\":%.3f}%s",
           name, (unsigned long long)h->n, h->n ? (double)h->sum / (double)h->n / 1e6 : 0.0,
           (double)hpct(h, 50) / 1e6, (double)hpct(h, 90) / 1e6, (double)hpct(h, 99) / 1e6,
           (double)h->max / 1e6, comma ? "," : "");
}

/* --------------------------------------------------------------- options */
#define MAXHDR 16
#define MAXPID 8
static struct {
    const char *host;
    int port, pub_port;
    const char *path;
    long n;
    const char *tokens_file, *pub_tokens_file;
    bool query_token;
    const char *query_name;
    int sources;
    long inflight;
    double connect_rate, connect_timeout;
    double hold, drain;
    long messages;
    double rate;
    bool lockstep;
    double lockstep_timeout;
    const char *pub_path, *pub_body;
    long pub_conns;
    long expect;
    long stall;
    const char *probe_path;
    double probe_rate;
    long probe_conns;
    const char *headers[MAXHDR];
    int nheaders;
    const char *method, *body, *body_file;
    long conns;
    double duration, warmup;
    long requests;
    int pids[MAXPID];
    int npids;
    int sigterm;
    int rcvbuf;
    bool close_each;
    bool verbose;
} o = {
    .host = "127.0.0.1", .port = 8080, .path = "/events", .n = 1000, .query_name = "token",
    .inflight = 256, .connect_timeout = 120, .hold = 1, .drain = 5, .lockstep_timeout = 10,
    .pub_body = "{\"content\":\"{{MARK}} the quick brown fox jumps over the lazy dog\"}",
    .pub_conns = 1, .probe_rate = 50, .probe_conns = 4, .method = "GET", .conns = 32,
    .duration = 5,
};

static const char HELP[] =
    "sseload sse|http [options]\n"
    " common\n"
    "  --host A          server address (127.0.0.1)      --port P       (8080)\n"
    "  --path P          path, may hold {{SEQ}} in http mode, or {{SEQ4}}, its last 4 digits\n"
    "  --tokens FILE     one token a line; connection i uses line i mod count,\n"
    "                    sent as 'Authorization: Bearer'\n"
    "  --header 'K: V'   extra header (repeatable)\n"
    "  --sources K       spread over K source addresses 127.0.0.1..K (0 = automatic)\n"
    "  --pid PID         report RSS and CPU of this process (repeatable)\n"
    "  -v                progress on stderr\n"
    " sse\n"
    "  -n N              connections (1000)\n"
    "  --query-token     send the token as ?token= instead of the header\n"
    "  --query-name S    name of that parameter (token)\n"
    "  --inflight K      connections being opened at once (256)\n"
    "  --connect-rate R  at most R new connections a second (0 = no limit)\n"
    "  --connect-timeout S  give up opening after S seconds (120)\n"
    "  --hold S          hold idle S seconds before anything else (1)\n"
    "  --messages M      fan-out: publish M messages (0 = none)\n"
    "  --rate R          messages a second, open loop; 0 = next after the answer\n"
    "  --lockstep        next message only when all connections have the last one\n"
    "  --pub-path P      POST path\n"
    "  --pub-port P      another port for the publisher\n"
    "  --pub-body JSON   body; {{MARK}} becomes @@seq:ns@@, {{SEQ}} the number\n"
    "  --pub-tokens FILE tokens of the publishers (else --tokens)\n"
    "  --pub-conns K     publisher connections (1)\n"
    "  --expect K        connections that should get each message (all not stalled)\n"
    "  --drain S         wait at most S s for the last deliveries (5)\n"
    "  --stall K         K of the connections stop reading after their headers\n"
    "  --rcvbuf B        SO_RCVBUF of SSE connections\n"
    "  --probe-path P    meanwhile GET this path, open loop; latency reported for\n"
    "                    the hold and for the fan-out phase apart\n"
    "  --probe-rate R    (50)     --probe-conns K (4)\n"
    "  --sigterm PID     at the end send SIGTERM to PID, time until all are closed\n"
    " http\n"
    "  -c K              connections (32)     --method M (GET)\n"
    "  --body S | --body-file F   {{SEQ}} and {{MARK}} are replaced\n"
    "  --duration S (5)  --warmup S (0)  --requests N (instead of duration)\n"
    "  --rate R          open loop: latency counts from the scheduled time\n"
    "  --close-each      Connection: close, a new connection each request\n";

/* ----------------------------------------------------------- connections */
enum { K_SSE, K_PUB, K_PROBE, K_HTTP };
enum { S_CLOSED, S_CONNECTING, S_IDLE, S_STATUS, S_HEADER, S_LEN, S_CSIZE, S_CDATA, S_CCRLF,
       S_TRAILER, S_EOF };
#define LINEBUF 192

typedef struct {
    int fd;
    u8 kind, st;
    bool chunked, close_after, has_len, stalled, ready, in_event_nl, clean_end, want_out;
    u8 mk;          /* marker machine state */
    u8 mkseen;      /* a marker was already counted in this SSE event */
    u32 idx;
    int status;
    u32 linelen;
    u64 left;       /* bytes left in the body or chunk */
    u64 t0;         /* start of connect, or the time latency counts from */
    u64 mseq, mts;  /* marker being parsed */
    u64 evseq;      /* sequence counted in this event */
    int64_t last_seq;
    u64 *seen;      /* bitmap of sequences received */
    char *out;      /* request being sent */
    u32 outlen, outoff;
    char *pre;      /* constant request head */
    u32 prelen;
    u32 seq;
    char line[LINEBUF];
} conn;

static int ep;
static struct sockaddr_in dst;
static char **tokens, **pub_tokens;
static long ntokens, npub_tokens;
static char rbuf[1 << 18];

/* counters */
static conn *sse, *pubs, *probes;
static long launched, opening, ready, failed, lost_conns, clean_ends, resets, eofs;
static u64 t_first_connect, t_last_ready;
static hist *h_connect, *h_deliv, *h_last, *h_post, *h_probe_hold, *h_probe_fan, *h_http;
static int phase; /* 0 connect, 1 hold, 2 fan-out, 3 drain, 4 closing */
static u64 delivered, duplicated, reordered, events, comments, sse_bytes, early;
static u64 t_first_pub, t_last_deliv;
static long published, answered, pub_fail, probe_fail;
static u32 *msg_got;
static u64 *msg_last, *msg_ts;
static long expect;
static u64 statuses[6];
static long conn_errors;
static char first_err[256];
static int first_err_len, first_err_status;
static u64 http_bytes;
static long http_done, http_launched;

static void on_response(conn *c, u64 now);

static void ep_set(conn *c, u32 ev, int op) {
    struct epoll_event e = {.events = ev, .data.ptr = c};
    if (epoll_ctl(ep, op, c->fd, &e) < 0) die("epoll_ctl: %s", strerror(errno));
}

static int src_index;
static int open_conn(conn *c, int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (c->kind == K_SSE && o.rcvbuf) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &o.rcvbuf, sizeof o.rcvbuf);
    if (o.sources > 1) {
        struct sockaddr_in s = {.sin_family = AF_INET};
        s.sin_addr.s_addr = htonl(0x7f000001u + (u32)(src_index++ % o.sources));
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        if (bind(fd, (struct sockaddr *)&s, sizeof s) < 0) {
            close(fd);
            return -1;
        }
    }
    struct sockaddr_in d = dst;
    d.sin_port = htons((uint16_t)port);
    c->fd = fd;
    c->linelen = 0;
    if (connect(fd, (struct sockaddr *)&d, sizeof d) < 0 && errno != EINPROGRESS) {
        close(fd);
        c->fd = -1;
        return -1;
    }
    c->st = S_CONNECTING;
    c->want_out = true;
    ep_set(c, EPOLLIN | EPOLLOUT | EPOLLRDHUP, EPOLL_CTL_ADD);
    return 0;
}

static void close_conn(conn *c) {
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    c->st = S_CLOSED;
    c->outlen = c->outoff = 0;
}

static void flush_out(conn *c) {
    while (c->outoff < c->outlen) {
        ssize_t k = send(c->fd, c->out + c->outoff, c->outlen - c->outoff, MSG_NOSIGNAL);
        if (k < 0) {
            if (errno == EAGAIN) {
                if (!c->want_out) {
                    c->want_out = true;
                    ep_set(c, EPOLLIN | EPOLLOUT | EPOLLRDHUP, EPOLL_CTL_MOD);
                }
                return;
            }
            if (errno == EINTR) continue;
            return; /* the read side will report it */
        }
        c->outoff += (u32)k;
    }
    if (c->want_out) {
        c->want_out = false;
        ep_set(c, EPOLLIN | EPOLLRDHUP, EPOLL_CTL_MOD);
    }
}

/* replace {{MARK}}, {{SEQ}} and {{SEQ4}} (its last four digits); result malloc'ed */
static char *fill(const char *tpl, u64 seq, u64 ts, size_t *len) {
    size_t cap = strlen(tpl) + 256, n = 0;
    char *r = malloc(cap);
    if (!r) die("out of memory");
    for (const char *p = tpl; *p;) {
        char tmp[64];
        const char *ins = NULL;
        size_t skip = 0;
        if (!strncmp(p, "{{MARK}}", 8)) {
            snprintf(tmp, sizeof tmp, "@@%llu:%llu@@", (unsigned long long)seq, (unsigned long long)ts);
            ins = tmp;
            skip = 8;
        } else if (!strncmp(p, "{{SEQ}}", 7)) {
            snprintf(tmp, sizeof tmp, "%llu", (unsigned long long)seq);
            ins = tmp;
            skip = 7;
        } else if (!strncmp(p, "{{SEQ", 5) && p[5] >= '1' && p[5] <= '9' && !strncmp(p + 6, "}}", 2)) {
            u64 end = 1;
            for (int i = p[5] - '0'; i; i--) end *= 10;
            snprintf(tmp, sizeof tmp, "%0*llu", p[5] - '0', (unsigned long long)(seq % end));
            ins = tmp;
            skip = 8;
        }
        if (ins) {
            size_t k = strlen(ins);
            if (n + k + 1 > cap) r = realloc(r, cap = cap * 2 + k);
            memcpy(r + n, ins, k);
            n += k;
            p += skip;
        } else {
            if (n + 2 > cap) r = realloc(r, cap *= 2);
            r[n++] = *p++;
        }
    }
    r[n] = 0;
    *len = n;
    return r;
}

static char *build_request(const char *method, const char *path, const char *token, bool qtok,
                           bool is_sse, const char *body, size_t blen, u32 *outlen) {
    size_t cap = 1024 + strlen(path) + (token ? strlen(token) : 0) + blen;
    for (int i = 0; i < o.nheaders; i++) cap += strlen(o.headers[i]) + 4;
    char *r = malloc(cap);
    if (!r) die("out of memory");
    size_t n = (size_t)snprintf(r, cap, "%s %s", method, path);
    if (token && qtok)
        n += (size_t)snprintf(r + n, cap - n, "%c%s=%s", strchr(path, '?') ? '&' : '?', o.query_name, token);
    n += (size_t)snprintf(r + n, cap - n, " HTTP/1.1\r\nHost: %s:%d\r\n", o.host, o.port);
    if (is_sse) n += (size_t)snprintf(r + n, cap - n, "Accept: text/event-stream\r\n");
    if (token && !qtok) n += (size_t)snprintf(r + n, cap - n, "Authorization: Bearer %s\r\n", token);
    for (int i = 0; i < o.nheaders; i++) n += (size_t)snprintf(r + n, cap - n, "%s\r\n", o.headers[i]);
    if (body)
        n += (size_t)snprintf(r + n, cap - n, "Content-Type: application/json\r\nContent-Length: %zu\r\n", blen);
    if (o.close_each && !is_sse) n += (size_t)snprintf(r + n, cap - n, "Connection: close\r\n");
    n += (size_t)snprintf(r + n, cap - n, "\r\n");
    if (body) {
        memcpy(r + n, body, blen);
        n += blen;
    }
    *outlen = (u32)n;
    return r;
}

/* ------------------------------------------------------- SSE body scanner */
static void got_marker(conn *c, u64 seq, u64 ts, u64 now) {
    if (c->mkseen && c->evseq == seq) return; /* same event names it twice */
    c->mkseen = 1;
    c->evseq = seq;
    if (seq >= (u64)o.messages || !msg_ts[seq] || msg_ts[seq] != ts) {
        early++; /* a replayed or foreign message */
        return;
    }
    if (c->seen[seq >> 6] >> (seq & 63) & 1) {
        duplicated++;
        return;
    }
    c->seen[seq >> 6] |= 1ull << (seq & 63);
    if ((int64_t)seq < c->last_seq) reordered++;
    c->last_seq = (int64_t)seq;
    delivered++;
    msg_got[seq]++;
    if (now > msg_last[seq]) msg_last[seq] = now;
    t_last_deliv = now;
    hadd(h_deliv, now > ts ? now - ts : 0);
}

static void sse_scan(conn *c, const char *p, size_t n, u64 now) {
    sse_bytes += n;
    for (size_t i = 0; i < n; i++) {
        char ch = p[i];
        if (ch == '\n') {
            if (c->in_event_nl) { /* empty line: end of an event */
                if (c->mkseen != 2) events++;
                c->mkseen = 0;
            }
            c->in_event_nl = true;
            c->mk = 0;
            continue;
        }
        if (ch == '\r') continue;
        if (c->in_event_nl && ch == ':') {
            comments++;
            c->mkseen = 2;
        }
        c->in_event_nl = false;
        switch (c->mk) {
        case 0: if (ch == '@') c->mk = 1; break;
        case 1: if (ch == '@') { c->mk = 2; c->mseq = 0; } else c->mk = 0; break;
        case 2:
            if (isdigit((u8)ch)) c->mseq = c->mseq * 10 + (u64)(ch - '0');
            else if (ch == ':') { c->mk = 3; c->mts = 0; }
            else c->mk = ch == '@' ? 1 : 0;
            break;
        case 3:
            if (isdigit((u8)ch)) c->mts = c->mts * 10 + (u64)(ch - '0');
            else if (ch == '@') c->mk = 4;
            else c->mk = 0;
            break;
        case 4:
            if (ch == '@') got_marker(c, c->mseq, c->mts, now);
            c->mk = 0;
            break;
        }
    }
}

/* --------------------------------------------------------- HTTP parser */
static void on_body(conn *c, const char *p, size_t n, u64 now) {
    if (c->kind == K_SSE && c->status == 200) {
        sse_scan(c, p, n, now);
        return;
    }
    http_bytes += n;
    if (c->status >= 300 && (!first_err_status || first_err_status == c->status)) {
        first_err_status = c->status;
        while (n && first_err_len < (int)sizeof first_err - 1) {
            first_err[first_err_len++] = *p++;
            n--;
        }
    }
}

static void response_done(conn *c, u64 now) {
    c->clean_end = true;
    c->st = S_IDLE;
    on_response(c, now);
}

static void headers_done(conn *c, u64 now) {
    if (c->kind == K_SSE) {
        if (c->status == 200) {
            c->ready = true;
            c->in_event_nl = true; /* the body begins with a line: a comment there is no event */
            ready++;
            opening--;
            t_last_ready = now;
            hadd(h_connect, now - c->t0);
            if (c->stalled) ep_set(c, EPOLLRDHUP, EPOLL_CTL_MOD);
        }
    }
    if (c->status == 204 || c->status == 304 || (c->status >= 100 && c->status < 200)) {
        response_done(c, now);
        return;
    }
    if (c->chunked) c->st = S_CSIZE;
    else if (c->has_len) {
        if (c->left == 0) response_done(c, now);
        else c->st = S_LEN;
    } else c->st = S_EOF;
}

static void header_line(conn *c, u64 now) {
    char *l = c->line;
    l[c->linelen] = 0;
    if (c->st == S_STATUS) {
        c->status = strlen(l) >= 12 ? atoi(l + 9) : 0;
        c->chunked = c->has_len = c->close_after = false;
        c->left = 0;
        c->st = S_HEADER;
        if (!strncmp(l, "HTTP/1.0", 8)) c->close_after = true;
        return;
    }
    if (c->linelen == 0) {
        headers_done(c, now);
        return;
    }
    if (!strncasecmp(l, "content-length:", 15)) {
        c->has_len = true;
        c->left = strtoull(l + 15, NULL, 10);
    } else if (!strncasecmp(l, "transfer-encoding:", 18)) {
        if (strcasestr(l + 18, "chunked")) c->chunked = true;
    } else if (!strncasecmp(l, "connection:", 11)) {
        if (strcasestr(l + 11, "close")) c->close_after = true;
    }
}

/* returns false when the connection was closed by a callback */
static bool feed(conn *c, const char *p, size_t n, u64 now) {
    size_t i = 0;
    while (i < n) {
        switch (c->st) {
        case S_STATUS: case S_HEADER: case S_CSIZE: case S_CCRLF: case S_TRAILER: {
            const char *e = memchr(p + i, '\n', n - i);
            size_t k = (e ? (size_t)(e - p) : n) - i;
            size_t room = LINEBUF - 1 - c->linelen, cp = k < room ? k : room;
            memcpy(c->line + c->linelen, p + i, cp);
            c->linelen += (u32)cp;
            i += k;
            if (!e) return true;
            i++;
            if (c->linelen && c->line[c->linelen - 1] == '\r') c->linelen--;
            if (c->st == S_STATUS || c->st == S_HEADER) header_line(c, now);
            else if (c->st == S_CSIZE) {
                c->line[c->linelen] = 0;
                c->left = strtoull(c->line, NULL, 16);
                c->st = c->left ? S_CDATA : S_TRAILER;
            } else if (c->st == S_CCRLF) c->st = S_CSIZE;
            else if (c->linelen == 0) { /* S_TRAILER */
                c->linelen = 0;
                response_done(c, now);
            }
            c->linelen = 0;
            if (c->fd < 0) return false;
            break;
        }
        case S_LEN: case S_CDATA: {
            size_t k = n - i < c->left ? n - i : (size_t)c->left;
            on_body(c, p + i, k, now);
            i += k;
            c->left -= k;
            if (!c->left) {
                if (c->st == S_CDATA) c->st = S_CCRLF;
                else response_done(c, now);
                if (c->fd < 0) return false;
            }
            break;
        }
        case S_EOF:
            on_body(c, p + i, n - i, now);
            i = n;
            break;
        default: /* bytes nobody asked for */
            return true;
        }
    }
    return true;
}

static void start_request(conn *c, char *req, u32 len, u64 t0) {
    free(c->out);
    c->out = req;
    c->outlen = len;
    c->outoff = 0;
    c->t0 = t0;
    c->clean_end = false;
    if (c->st == S_IDLE) {
        c->st = S_STATUS;
        c->linelen = 0;
        flush_out(c);
    }
}

/* ------------------------------------------------------------- sse mode */
static void send_publish(conn *c, u64 sched) {
    u32 seq = (u32)published++;
    u64 ts = sched ? sched : now_ns();
    size_t bl;
    if (!t_first_pub) t_first_pub = ts;
    msg_ts[seq] = ts;
    char *b = fill(o.pub_body, seq, ts, &bl);
    const char *tok = npub_tokens ? pub_tokens[seq % npub_tokens] : ntokens ? tokens[seq % ntokens] : NULL;
    u32 rl;
    char *r = build_request("POST", o.pub_path, tok, false, false, b, bl, &rl);
    free(b);
    c->seq = seq;
    start_request(c, r, rl, ts);
}

/* ------------------------------------------------------------ http mode */
static u64 http_t0, http_tend, http_twarm, next_sched;
static bool http_open_loop;

static void send_http(conn *c, u64 sched) {
    size_t bl = 0, pl;
    u64 seq = (u64)http_launched++;
    u64 t = sched ? sched : now_ns();
    char *b = o.body ? fill(o.body, seq, t, &bl) : NULL;
    char *path = fill(o.path, seq, t, &pl);
    u32 rl;
    const char *tok = ntokens ? tokens[c->idx % ntokens] : NULL;
    char *r = build_request(o.method, path, tok, o.query_token, false, b, bl, &rl);
    free(b);
    free(path);
    start_request(c, r, rl, t);
}

static void on_response(conn *c, u64 now) {
    int s = c->status / 100;
    if (c->kind != K_SSE) statuses[s >= 1 && s <= 5 ? s : 0]++;
    switch (c->kind) {
    case K_SSE:
        clean_ends++;
        return; /* the close follows */
    case K_PUB:
        answered++;
        if (s != 2) pub_fail++;
        hadd(h_post, now - c->t0);
        break;
    case K_PROBE:
        if (s != 2) probe_fail++;
        hadd(phase <= 1 ? h_probe_hold : h_probe_fan, now > c->t0 ? now - c->t0 : 0);
        break;
    case K_HTTP:
        http_done++;
        if (now >= http_twarm) hadd(h_http, now > c->t0 ? now - c->t0 : 0);
        break;
    }
    if (c->close_after || o.close_each) {
        close_conn(c);
        open_conn(c, c->kind == K_PUB ? o.pub_port : o.port);
    }
    if (c->kind == K_HTTP && !http_open_loop) {
        if (o.requests ? http_launched < o.requests : now < http_tend) send_http(c, 0);
    }
}

static void on_gone(conn *c, bool reset, u64 now) {
    if (c->st == S_EOF && !reset && c->kind != K_SSE) { /* close-delimited body */
        c->close_after = true;
        response_done(c, now);
        return;
    }
    u8 was = c->st;
    close_conn(c);
    if (c->kind == K_SSE) {
        if (!c->ready) {
            failed++;
            opening--;
        } else {
            lost_conns++;
            if (reset) resets++;
            else eofs++;
        }
        return;
    }
    if (was == S_IDLE) { /* keep-alive connection closed by the server */
        open_conn(c, c->kind == K_PUB ? o.pub_port : o.port);
        return;
    }
    conn_errors++;
    if (c->kind == K_PUB) { pub_fail++; answered++; }
    if (conn_errors < 100000) open_conn(c, c->kind == K_PUB ? o.pub_port : o.port);
    if (c->kind == K_HTTP && !http_open_loop && now < http_tend) send_http(c, 0);
}

static void handle(conn *c, u32 ev) {
    if (c->fd < 0) return;
    if (c->st == S_CONNECTING) {
        if (!(ev & (EPOLLOUT | EPOLLERR | EPOLLHUP))) return;
        int err = 0;
        socklen_t el = sizeof err;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &el);
        if (err) {
            if (c->kind != K_SSE) die("cannot connect: %s", strerror(err));
            on_gone(c, true, now_ns());
            return;
        }
        c->st = S_IDLE;
        if (c->outoff < c->outlen) {
            c->st = S_STATUS;
            c->linelen = 0;
            flush_out(c);
        } else if (c->want_out) {
            c->want_out = false;
            ep_set(c, EPOLLIN | EPOLLRDHUP, EPOLL_CTL_MOD);
        }
        return;
    }
    if (ev & EPOLLOUT) flush_out(c);
    if (c->stalled && c->ready) {
        if (ev & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) on_gone(c, ev & EPOLLERR, now_ns());
        return;
    }
    if (ev & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) {
        for (;;) {
            ssize_t k = recv(c->fd, rbuf, sizeof rbuf, 0);
            if (k > 0) {
                u64 now = now_ns();
                if (!feed(c, rbuf, (size_t)k, now)) return;
                if (c->stalled && c->ready) return;
                if ((size_t)k < sizeof rbuf) {
                    if (!(ev & (EPOLLHUP | EPOLLERR | EPOLLRDHUP))) return;
                    continue;
                }
                continue;
            }
            if (k < 0 && errno == EINTR) continue;
            if (k < 0 && errno == EAGAIN) return;
            on_gone(c, k < 0, now_ns());
            return;
        }
    }
}

static void poll_once(u64 until) {
    static struct epoll_event evs[1024];
    u64 now = now_ns();
    u64 d = until > now ? until - now : 0;
    struct timespec ts = {.tv_sec = (time_t)(d / 1000000000ull), .tv_nsec = (long)(d % 1000000000ull)};
    int k = epoll_pwait2(ep, evs, 1024, &ts, NULL);
    for (int i = 0; i < k; i++) handle(evs[i].data.ptr, evs[i].events);
}

static conn *idle_conn(conn *a, long n) {
    static long rr;
    for (long i = 0; i < n; i++) {
        conn *c = &a[(rr + i) % n];
        if (c->st == S_IDLE) {
            rr = (rr + i + 1) % n;
            return c;
        }
    }
    return NULL;
}

/* probe: open loop at --probe-rate; a late slot counts from its scheduled time */
static u64 probe_next;
static void run_probe(u64 now) {
    if (!o.probe_path) return;
    u64 step = (u64)(1e9 / o.probe_rate);
    while (probe_next <= now) {
        conn *c = idle_conn(probes, o.probe_conns);
        if (!c) return;
        u32 rl;
        char *r = build_request("GET", o.probe_path, ntokens ? tokens[0] : NULL, false, false, NULL, 0, &rl);
        start_request(c, r, rl, probe_next);
        probe_next += step;
    }
}

/* ------------------------------------------------- process observations */
static long rss_kb(void) {
    long t = 0;
    for (int i = 0; i < o.npids; i++) {
        char f[64];
        snprintf(f, sizeof f, "/proc/%d/statm", o.pids[i]);
        FILE *fp = fopen(f, "r");
        long a, b;
        if (!fp) continue;
        if (fscanf(fp, "%ld %ld", &a, &b) == 2) t += b * (sysconf(_SC_PAGESIZE) / 1024);
        fclose(fp);
    }
    return t;
}
static double cpu_s(void) {
    double t = 0;
    for (int i = 0; i < o.npids; i++) {
        char f[64], buf[1024];
        snprintf(f, sizeof f, "/proc/%d/stat", o.pids[i]);
        FILE *fp = fopen(f, "r");
        if (!fp) continue;
        size_t k = fread(buf, 1, sizeof buf - 1, fp);
        fclose(fp);
        buf[k] = 0;
        char *p = strrchr(buf, ')');
        unsigned long ut, st;
        if (p && sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &ut, &st) == 2)
            t += (double)(ut + st) / (double)sysconf(_SC_CLK_TCK);
    }
    return t;
}

static char **read_lines(const char *file, long *n) {
    FILE *fp = fopen(file, "r");
    if (!fp) die("%s: %s", file, strerror(errno));
    char **r = NULL, *line = NULL;
    size_t cap = 0;
    ssize_t k;
    *n = 0;
    while ((k = getline(&line, &cap, fp)) >= 0) {
        while (k && isspace((u8)line[k - 1])) line[--k] = 0;
        if (!k) continue;
        r = realloc(r, (size_t)(*n + 1) * sizeof *r);
        r[(*n)++] = strdup(line);
    }
    free(line);
    fclose(fp);
    if (!*n) die("%s: no tokens", file);
    return r;
}

static void json_str(const char *s) {
    putchar('"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') printf("\\%c", *s);
        else if ((u8)*s < 32 || (u8)*s > 126) printf("\\u%04x", (u8)*s);
        else putchar(*s);
    }
    putchar('"');
}

static void print_error_body(void) {
    if (first_err_status) {
        first_err[first_err_len] = 0;
        printf(",\"first_error\":{\"status\":%d,\"body\":", first_err_status);
        json_str(first_err);
        putchar('}');
    }
}

static conn *new_conns(long n, u8 kind) {
    conn *a = xcalloc((size_t)n, sizeof *a);
    for (long i = 0; i < n; i++) {
        a[i].fd = -1;
        a[i].kind = kind;
        a[i].idx = (u32)i;
        a[i].last_seq = -1;
    }
    return a;
}

static u64 sec(double s) { return (u64)(s * 1e9); }
static u64 min64(u64 a, u64 b) { return a < b ? a : b; }

static int mode_sse(void) {
    long words = (o.messages + 63) / 64;
    sse = new_conns(o.n, K_SSE);
    pubs = new_conns(o.pub_conns, K_PUB);
    probes = new_conns(o.probe_conns, K_PROBE);
    u64 *bits = xcalloc((size_t)(o.n * (words ? words : 1)), sizeof(u64));
    msg_got = xcalloc((size_t)o.messages, sizeof *msg_got);
    msg_last = xcalloc((size_t)o.messages, sizeof *msg_last);
    msg_ts = xcalloc((size_t)o.messages, sizeof *msg_ts);
    long rss0 = rss_kb();
    double cpu0 = cpu_s();

    /* phase 0: connect */
    t_first_connect = now_ns();
    u64 give_up = t_first_connect + sec(o.connect_timeout);
    while (ready + failed < o.n) {
        u64 now = now_ns();
        if (now > give_up) break;
        long allowed = o.n;
        u64 wake = now + 100000000ull;
        if (o.connect_rate > 0) {
            allowed = (long)((double)(now - t_first_connect) / 1e9 * o.connect_rate) + 1;
            wake = min64(wake, now + 1000000);
        }
        while (launched < o.n && launched < allowed && opening < o.inflight) {
            conn *c = &sse[launched];
            c->seen = bits + launched * (words ? words : 1);
            c->stalled = launched >= o.n - o.stall;
            const char *tok = ntokens ? tokens[launched % ntokens] : NULL;
            u32 rl;
            c->out = build_request("GET", o.path, tok, o.query_token, true, NULL, 0, &rl);
            c->outlen = rl;
            c->t0 = now_ns();
            launched++;
            opening++;
            if (open_conn(c, o.port) < 0) {
                failed++;
                opening--;
            }
        }
        poll_once(wake);
        if (o.verbose && now % 1000000000ull < 2000000) fprintf(stderr, "ready %ld failed %ld\n", ready, failed);
    }
    for (long i = 0; i < launched; i++)
        if (sse[i].ready) {
            free(sse[i].out);
            sse[i].out = NULL;
            sse[i].outlen = sse[i].outoff = 0;
        }
    if (o.verbose) fprintf(stderr, "holding %ld\n", ready);
    double connect_s = (double)((t_last_ready ? t_last_ready : now_ns()) - t_first_connect) / 1e9;
    long ready0 = ready;
    double cpu_connect = cpu_s() - cpu0;

    for (long i = 0; o.messages && i < o.pub_conns; i++) open_conn(&pubs[i], o.pub_port);
    for (long i = 0; o.probe_path && i < o.probe_conns; i++) open_conn(&probes[i], o.port);

    /* phase 1: hold */
    phase = 1;
    double cpu1 = cpu_s();
    u64 t = now_ns(), end = t + sec(o.hold);
    probe_next = t;
    u64 ev_h0 = events, co_h0 = comments;
    while ((t = now_ns()) < end) {
        run_probe(t);
        poll_once(min64(end, o.probe_path && probe_next > t ? probe_next : t + 50000000ull));
    }
    double cpu_hold = cpu_s() - cpu1;
    long rss1 = rss_kb();
    u64 hold_ev = events - ev_h0, hold_co = comments - co_h0;
    long dead_after_hold = lost_conns;

    /* phase 2: fan-out */
    phase = 2;
    expect = o.expect ? o.expect : ready0 - o.stall;
    double cpu2 = cpu_s();
    u64 start = now_ns(), step = o.rate > 0 ? sec(1.0 / o.rate) : 0, next = start, last_sent = 0;
    while (o.messages && published < o.messages) {
        t = now_ns();
        run_probe(t);
        u64 wake = t + 50000000ull;
        if (o.probe_path) wake = min64(wake, probe_next > t ? probe_next : t + 200000);
        if (o.lockstep) {
            bool fin = !published || (answered >= published &&
                       ((long)msg_got[published - 1] >= expect || t > last_sent + sec(o.lockstep_timeout)));
            if (fin && t >= next) {
                conn *c = idle_conn(pubs, o.pub_conns);
                if (c) {
                    send_publish(c, 0);
                    last_sent = now_ns();
                    next = last_sent + step;
                }
            } else if (fin) wake = min64(wake, next);
        } else if (step) {
            while (published < o.messages && next <= t) {
                conn *c = idle_conn(pubs, o.pub_conns);
                if (!c) break;
                send_publish(c, next);
                next += step;
            }
            if (next > t) wake = min64(wake, next);
        } else {
            conn *c;
            while (published < o.messages && (c = idle_conn(pubs, o.pub_conns))) send_publish(c, 0);
        }
        poll_once(wake);
    }
    u64 want = (u64)expect * (u64)o.messages;
    end = now_ns() + sec(o.drain);
    phase = 3;
    while (o.messages && (t = now_ns()) < end && (delivered < want || answered < published)) {
        run_probe(t);
        poll_once(min64(end, o.probe_path && probe_next > t ? probe_next : t + 10000000ull));
    }
    double cpu_fan = cpu_s() - cpu2;
    long rss2 = rss_kb();
    double fan_s = t_last_deliv > t_first_pub ? (double)(t_last_deliv - t_first_pub) / 1e9 : 0;
    for (long i = 0; i < o.messages; i++)
        if (msg_last[i]) hadd(h_last, msg_last[i] - msg_ts[i]);

    /* phase 4: close */
    phase = 4;
    double term_s = -1;
    long open_before = ready0 - lost_conns;
    if (o.sigterm) {
        u64 t0 = now_ns();
        clean_ends = resets = eofs = 0;
        kill(o.sigterm, SIGTERM);
        end = t0 + sec(30);
        while (lost_conns < ready0 && now_ns() < end) poll_once(now_ns() + 10000000ull);
        term_s = (double)(now_ns() - t0) / 1e9;
    }

    printf("{\"mode\":\"sse\",\"connections\":%ld,\"ready\":%ld,\"failed\":%ld,\"never_answered\":%ld,"
           "\"connect_s\":%.3f,\"connect_per_s\":%.0f,",
           o.n, ready0, failed, opening, connect_s, connect_s > 0 ? (double)ready0 / connect_s : 0);
    hprint("connect_to_headers", h_connect, true);
    if (o.npids)
        printf("\"rss_before_kb\":%ld,\"rss_idle_kb\":%ld,\"rss_end_kb\":%ld,\"rss_per_conn_bytes\":%.0f,"
               "\"cpu_connect_s\":%.2f,\"cpu_hold_pct\":%.2f,\"cpu_fanout_s\":%.2f,",
               rss0, rss1, rss2, ready0 ? (double)(rss1 - rss0) * 1024 / (double)ready0 : 0, cpu_connect,
               o.hold > 0 ? cpu_hold / o.hold * 100 : 0, cpu_fan);
    printf("\"hold\":{\"seconds\":%.1f,\"events\":%llu,\"comments\":%llu,\"closed\":%ld}", o.hold,
           (unsigned long long)hold_ev, (unsigned long long)hold_co, dead_after_hold);
    if (o.messages) {
        printf(",\"fanout\":{\"published\":%ld,\"post_failed\":%ld,\"expected\":%llu,\"delivered\":%llu,"
               "\"lost\":%lld,\"duplicated\":%llu,\"reordered\":%llu,\"foreign\":%llu,\"seconds\":%.3f,"
               "\"deliveries_per_s\":%.0f,",
               published, pub_fail, (unsigned long long)want, (unsigned long long)delivered,
               (long long)want - (long long)delivered, (unsigned long long)duplicated,
               (unsigned long long)reordered, (unsigned long long)early, fan_s,
               fan_s > 0 ? (double)delivered / fan_s : 0);
        hprint("receipt", h_deliv, true);
        hprint("last_client", h_last, true);
        hprint("post_answer", h_post, false);
        printf("}");
    }
    if (o.probe_path) {
        printf(",\"probe\":{\"failed\":%ld,", probe_fail);
        hprint("hold", h_probe_hold, true);
        hprint("fanout", h_probe_fan, false);
        printf("}");
    }
    printf(",\"events\":%llu,\"comments\":%llu,\"bytes\":%llu,\"closed_by_server\":%ld", (unsigned long long)events,
           (unsigned long long)comments, (unsigned long long)sse_bytes, lost_conns);
    if (o.sigterm)
        printf(",\"sigterm\":{\"open\":%ld,\"seconds\":%.3f,\"still_open\":%ld,\"clean_chunk_end\":%ld,"
               "\"fin\":%ld,\"reset\":%ld}",
               open_before, term_s, ready0 - lost_conns, clean_ends, eofs, resets);
    print_error_body();
    printf("}\n");
    return failed || opening;
}

static int mode_http(void) {
    conn *a = new_conns(o.conns, K_HTTP);
    for (long i = 0; i < o.conns; i++)
        if (open_conn(&a[i], o.port) < 0) die("cannot connect: %s", strerror(errno));
    http_open_loop = o.rate > 0;
    for (u64 until = now_ns() + sec(2); now_ns() < until;) {
        long k = 0;
        for (long i = 0; i < o.conns; i++) k += a[i].st == S_IDLE;
        if (k == o.conns) break;
        poll_once(now_ns() + 5000000);
    }
    http_t0 = now_ns();
    http_twarm = http_t0 + sec(o.warmup);
    http_tend = http_twarm + sec(o.duration);
    if (o.requests) http_tend = http_t0 + sec(3600);
    double cpu0 = cpu_s();
    long rss0 = rss_kb();
    u64 done0 = 0;
    bool warmed = o.warmup <= 0;
    u64 t_meas = http_t0;
    if (!http_open_loop)
        for (long i = 0; i < o.conns && (!o.requests || http_launched < o.requests); i++) send_http(&a[i], 0);
    next_sched = http_t0;
    u64 step = http_open_loop ? sec(1.0 / o.rate) : 0;
    u64 backlog_max = 0;
    for (;;) {
        u64 t = now_ns();
        if (!warmed && t >= http_twarm) {
            warmed = true;
            done0 = (u64)http_done;
            memset(statuses, 0, sizeof statuses);
            t_meas = t;
            cpu0 = cpu_s();
        }
        if (o.requests ? http_done + conn_errors >= o.requests : t >= http_tend) break;
        u64 wake = min64(http_tend, t + 20000000);
        if (http_open_loop) {
            while (next_sched <= t && (!o.requests || http_launched < o.requests)) {
                conn *c = idle_conn(a, o.conns);
                if (!c) {
                    backlog_max = t - next_sched > backlog_max ? t - next_sched : backlog_max;
                    break;
                }
                send_http(c, next_sched);
                next_sched += step;
            }
            if (next_sched > t) wake = min64(wake, next_sched);
        }
        poll_once(wake);
    }
    u64 t1 = now_ns();
    double s = (double)(t1 - t_meas) / 1e9;
    printf("{\"mode\":\"http\",\"connections\":%ld,\"seconds\":%.3f,\"requests\":%llu,\"req_per_s\":%.0f,", o.conns, s,
           (unsigned long long)((u64)http_done - done0), (double)((u64)http_done - done0) / s);
    hprint("latency", h_http, true);
    if (http_open_loop)
        printf("\"offered_per_s\":%.0f,\"worst_schedule_lag_ms\":%.1f,", o.rate, (double)backlog_max / 1e6);
    if (o.npids)
        printf("\"cpu_pct\":%.1f,\"rss_before_kb\":%ld,\"rss_after_kb\":%ld,", (cpu_s() - cpu0) / s * 100, rss0,
               rss_kb());
    printf("\"status\":{\"1xx\":%llu,\"2xx\":%llu,\"3xx\":%llu,\"4xx\":%llu,\"5xx\":%llu,\"other\":%llu},"
           "\"connection_errors\":%ld,\"body_bytes\":%llu",
           (unsigned long long)statuses[1], (unsigned long long)statuses[2], (unsigned long long)statuses[3],
           (unsigned long long)statuses[4], (unsigned long long)statuses[5], (unsigned long long)statuses[0],
           conn_errors, (unsigned long long)http_bytes);
    print_error_body();
    printf("}\n");
    return conn_errors != 0;
}

int main(int argc, char **argv) {
    if (argc < 2 || !strcmp(argv[1], "help") || !strcmp(argv[1], "--help")) {
        fputs(HELP, argc < 2 ? stderr : stdout);
        return argc < 2 ? 2 : 0;
    }
    bool http = !strcmp(argv[1], "http");
    if (!http && strcmp(argv[1], "sse")) die("first argument: sse or http");
    if (http) o.path = "/";
    for (int i = 2; i < argc; i++) {
        const char *a = argv[i];
#define FLAG(name, var) if (!strcmp(a, name)) { var = true; continue; }
        FLAG("--query-token", o.query_token)
        FLAG("--lockstep", o.lockstep)
        FLAG("--close-each", o.close_each)
        FLAG("-v", o.verbose)
        if (i + 1 >= argc) die("%s: unknown option or missing value", a);
        const char *v = argv[++i];
#define OPT(name, expr) if (!strcmp(a, name)) { expr; continue; }
        OPT("--host", o.host = v)
        OPT("--port", o.port = atoi(v))
        OPT("--path", o.path = v)
        OPT("-n", o.n = atol(v))
        OPT("--tokens", o.tokens_file = v)
        OPT("--pub-tokens", o.pub_tokens_file = v)
        OPT("--query-name", o.query_name = v)
        OPT("--sources", o.sources = atoi(v))
        OPT("--inflight", o.inflight = atol(v))
        OPT("--connect-rate", o.connect_rate = atof(v))
        OPT("--connect-timeout", o.connect_timeout = atof(v))
        OPT("--hold", o.hold = atof(v))
        OPT("--drain", o.drain = atof(v))
        OPT("--messages", o.messages = atol(v))
        OPT("--rate", o.rate = atof(v))
        OPT("--lockstep-timeout", o.lockstep_timeout = atof(v))
        OPT("--pub-path", o.pub_path = v)
        OPT("--pub-port", o.pub_port = atoi(v))
        OPT("--pub-body", o.pub_body = v)
        OPT("--pub-conns", o.pub_conns = atol(v))
        OPT("--expect", o.expect = atol(v))
        OPT("--stall", o.stall = atol(v))
        OPT("--rcvbuf", o.rcvbuf = atoi(v))
        OPT("--probe-path", o.probe_path = v)
        OPT("--probe-rate", o.probe_rate = atof(v))
        OPT("--probe-conns", o.probe_conns = atol(v))
        OPT("--sigterm", o.sigterm = atoi(v))
        OPT("--header", if (o.nheaders < MAXHDR) o.headers[o.nheaders++] = v)
        OPT("--pid", if (o.npids < MAXPID) o.pids[o.npids++] = atoi(v))
        OPT("-c", o.conns = atol(v))
        OPT("--method", o.method = v)
        OPT("--body", o.body = v)
        OPT("--body-file", o.body_file = v)
        OPT("--duration", o.duration = atof(v))
        OPT("--warmup", o.warmup = atof(v))
        OPT("--requests", o.requests = atol(v))
        die("unknown option %s", a);
    }
    if (!o.pub_port) o.pub_port = o.port;
    if (o.n < 0 || o.n > 1000000 || o.conns < 1 || o.pub_conns < 1 || o.probe_conns < 1 || o.messages < 0 ||
        o.inflight < 1 || o.stall < 0 || o.stall > o.n || (o.probe_path && o.probe_rate <= 0))
        die("a number is out of range");
    if (!http && o.messages && !o.pub_path) die("--messages needs --pub-path");
    if (o.body_file) {
        FILE *fp = fopen(o.body_file, "r");
        if (!fp) die("%s: %s", o.body_file, strerror(errno));
        char *b = xcalloc(1, 1 << 20);
        if (fread(b, 1, (1 << 20) - 1, fp) == 0) die("%s: empty", o.body_file);
        fclose(fp);
        o.body = b;
    }
    if (o.tokens_file) tokens = read_lines(o.tokens_file, &ntokens);
    if (o.pub_tokens_file) pub_tokens = read_lines(o.pub_tokens_file, &npub_tokens);
    if (!o.sources) o.sources = 1 + (int)((http ? o.conns : o.n) / 20000);

    struct rlimit rl;
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
    long need = http ? o.conns : o.n + o.pub_conns + o.probe_conns;
    if ((rlim_t)(need + 16) > rl.rlim_cur)
        die("%ld connections need more open files than the limit of %ld", need, (long)rl.rlim_cur);
    signal(SIGPIPE, SIG_IGN);
    dst.sin_family = AF_INET;
    if (inet_pton(AF_INET, o.host, &dst.sin_addr) != 1) die("--host: an IPv4 address, please");
    if ((ntohl(dst.sin_addr.s_addr) >> 24) != 127) o.sources = 1;
    ep = epoll_create1(EPOLL_CLOEXEC);
    if (ep < 0) die("epoll_create1: %s", strerror(errno));
    h_connect = hist_new();
    h_deliv = hist_new();
    h_last = hist_new();
    h_post = hist_new();
    h_probe_hold = hist_new();
    h_probe_fan = hist_new();
    h_http = hist_new();
    return http ? mode_http() : mode_sse();
}
