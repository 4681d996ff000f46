package h1

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// bodyAhead is how much of a request's body is read before the handler is
	// called, if it is there already: most bodies then need no second look.
	bodyAhead = 64 << 10
	// lingerFor and lingerMost bound what is read and thrown away of a client
	// that still sends when its connection is to be closed: closing at once would
	// reset it, and the answer might be lost.
	lingerFor  = 500 * time.Millisecond
	lingerMost = 256 << 10
	// halfCloseGrace is how long a client that has ended its half while it waits
	// for an answer is taken for one that still reads.
	halfCloseGrace = int64(time.Second)
)

// What a connection is doing, for those who look after it. What is above zero is
// since when its handler has been running, on the Watchdog's clock.
const (
	idle    int64 = 0  // no byte of a request is there
	reading int64 = -1 // a request is being read
	closing int64 = -2 // somebody is closing it
)

// serverConn is one client's connection. One goroutine owns it; what others may
// touch is atomic.
type serverConn struct {
	server *Server
	link   link
	over   func() // called when it is closed
	phase  atomic.Int64
	remote string
	peer   netip.Addr // of remote; the zero Addr where there is none
	name   string     // peer as text

	buf  []byte // nil while nothing is in it
	r, w int    // buf[r:w] was received and not used
	long bool   // requests with long bodies come here: read with a large buffer
	head Head

	first   bool        // no request has been read yet
	due     int64       // when the head must be there; 0: not begun
	last    bool        // close after the answer at hand
	owed    bool        // the client may still be sending what nobody will read
	cut     bool        // close so that the client sees it
	timed   atomic.Bool // somebody set deadlines of his own
	reads   atomic.Bool // one for reading among them: ours does not count
	body    *body       // of the request at hand
	handed  bool        // somebody else has the connection now
	http2   net.Conn    // for who speaks HTTP/2; nil: nobody has asked for that
	context atomic.Pointer[requestContext]

	inline inlineLoop
	ended  bool        // inside inline: the connection has had its last request
	prod   sync.Mutex  // held while the connection is made to look
	again  atomic.Bool // see lookAgain

	asking sync.Mutex           // held while 100, or the head of an answer, is written
	secure *tls.ConnectionState // nil: no TLS

	halfEnd atomic.Int64 // since when the client sends no more; 0: it may

	follower atomic.Pointer[Following]
	telling  sync.Mutex // held while the follower is told
}

func newServerConn(s *Server, conn net.Conn) *serverConn {
	c := &serverConn{server: s, over: func() {}, first: true}
	c.link.init(conn, &s.dog)
	if addr := conn.RemoteAddr(); addr != nil {
		c.remote = addr.String()
	}
	if at, err := netip.ParseAddrPort(c.remote); err == nil {
		c.peer = at.Addr().Unmap().WithZone("")
		c.name = c.peer.String()
	}
	return c
}

// run serves until the connection has ended or was handed over. It cleans up even
// if a handler ends the goroutine (runtime.Goexit).
func (c *serverConn) run() {
	defer c.finish()
	if c.server.enter(c) {
		defer c.server.leave(c)
		c.serve()
	}
}

// serve reads and answers one request after the other.
func (c *serverConn) serve() {
	for !c.last {
		n, err := c.awaitHead()
		if err != nil {
			c.refuse(err)
			return
		}
		if n == 0 || !c.answer(n) {
			return
		}
	}
}

// awaitHead reads until the head of a request is whole and says how long it is;
// 0 is a connection that has ended. The error is one to be answered.
func (c *serverConn) awaitHead() (int, error) {
	if c.server.Inline && c.link.raw != nil {
		return c.awaitInline()
	}
	c.beginHead()
	for {
		if n, err := c.parseHead(); n > 0 || err != nil || c.handed {
			return n, err
		}
		if c.r == c.w && c.server.closing.Load() {
			return 0, nil
		}
		if err := c.readHead(); err != nil {
			return 0, c.headFailure(err)
		}
	}
}

// beginHead: what comes next is a head, of which something may be there already.
func (c *serverConn) beginHead() {
	c.head.Reset()
	c.due = 0
	if c.r < c.w {
		c.phase.Store(reading)
		return
	}
	c.phase.Store(idle)
}

// parseHead looks at what is there. On a new connection it may be HTTP/2.
func (c *serverConn) parseHead() (int, error) {
	if c.r == c.w {
		return 0, nil
	}
	if c.first && c.server.HTTP2 != nil && !c.encrypted() { // with TLS, HTTP/2 is agreed on (RFC 9113 section 3.2)
		is, maybe := IsHTTP2Preface(c.buf[c.r:c.w])
		switch {
		case is:
			c.http2 = c.handOver()
			return 0, nil
		case maybe:
			return 0, nil
		}
	}
	n, err := c.head.ParseRequest(c.buf[c.r:c.w], c.server.Limits)
	c.first = c.first && n == 0
	return n, err
}

var errHeadTimeout = &SyntaxError{http.StatusRequestTimeout, "the head of the request did not come in time"}

// readHead reads what comes next of a head.
func (c *serverConn) readHead() error {
	c.makeRoom()
	n, err := c.link.read(c)
	if err != nil {
		return err
	}
	c.w += n
	if !c.awake() {
		return net.ErrClosed
	}
	return nil
}

// awake says that something of a request is there; false if it came too late.
func (c *serverConn) awake() bool {
	return c.phase.Load() == reading || c.phase.CompareAndSwap(idle, reading)
}

// makeRoom sees to it that more can be read.
func (c *serverConn) makeRoom() {
	if c.buf == nil || c.w < len(c.buf) {
		return
	}
	if c.r > 0 {
		c.w = copy(c.buf, c.buf[c.r:c.w])
		c.r = 0
		return
	}
	c.grow(2 * len(c.buf))
}

// grow moves what was received to a buffer of at least size bytes.
func (c *serverConn) grow(size int) {
	bigger := getBuffer(size)
	c.w = copy(bigger, c.buf[c.r:c.w])
	putBuffer(c.buf)
	c.r, c.buf = 0, bigger
}

// room is where the next bytes go; see source.
func (c *serverConn) room() []byte {
	if c.buf == nil {
		c.buf, c.r, c.w = lendBuffer(c.long), 0, 0
	}
	return c.buf[c.w:]
}

// park gives back a buffer in which nothing is; see source.
func (c *serverConn) park() int64 {
	if c.r == c.w {
		c.release()
		if !c.first {
			return c.link.dog.after(c.server.idleTimeout())
		}
	}
	if c.due == 0 {
		c.due = c.link.dog.after(c.server.headTimeout())
	}
	return c.due
}

func (c *serverConn) release() {
	if c.buf != nil {
		putBuffer(c.buf)
		c.buf = nil
	}
	c.r, c.w = 0, 0
}

// answer has the request whose head is n bytes long answered, and says whether
// there may be another.
func (c *serverConn) answer(n int) bool {
	x := c.receive(n)
	if x == nil {
		return false
	}
	if c.r == c.w {
		c.release() // the request has its own copy of what it needs
	}
	c.phase.Store(max(1, c.link.dog.now.Load()))
	ok := x.run(c.server)
	followed := c.endContext()
	if c.handed {
		return false
	}
	if !ok {
		return false
	}
	if !followed {
		x.giveBack(c.server)
	}
	c.settleBody()
	if c.timed.Swap(false) {
		c.reads.Store(false)
		_ = c.link.conn.SetDeadline(time.Time{})
	}
	return !c.last
}

// settleBody sees to it that nothing of the body is taken for the next request.
func (c *serverConn) settleBody() {
	b := c.body
	c.body = nil
	if b == nil {
		return
	}
	if !b.drop() {
		c.last, c.owed = true, true
	}
}

// refuse answers what could not be read as a request, and closes.
func (c *serverConn) refuse(err error) {
	refusal := &SyntaxError{http.StatusBadRequest, "the request could not be read"}
	errors.As(err, &refusal)
	c.last, c.owed = true, true
	c.release() // the rest is anything
	x := &exchange{}
	x.request = http.Request{Method: http.MethodGet, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: http.NoBody}
	x.response = response{conn: c, minor: 1, method: http.MethodGet}
	w := &x.response
	if c.server.Refuse != nil {
		c.server.Refuse(w, refusal.Status, refusal.Reason)
	} else {
		http.Error(w, refusal.Reason, refusal.Status)
	}
	_ = w.finish()
}

// look is called by the Watchdog: it ends waits that last too long, and looks
// after the client while its answer is being worked on.
func (c *serverConn) look(now int64) {
	c.link.look(now)
	phase := c.phase.Load()
	if phase == idle && c.link.reading.takeMark() && presenceOf(c.link.socket()) != here {
		c.lookAgain()
	}
	if phase <= 0 || now-phase < int64(tick)/2 {
		return
	}
	switch presenceOf(c.link.socket()) {
	case halfClosed:
		c.clientEnded(now)
	case gone:
		c.clientGone()
	}
}

// closeIfIdle closes the connection unless there is a request on it, which then
// is the last.
func (c *serverConn) closeIfIdle() {
	if c.phase.CompareAndSwap(idle, closing) {
		c.link.interrupt()
	}
}

// abandon ends whatever goes on. The connection is closed by its own goroutine: to
// close it here would wait for that.
func (c *serverConn) abandon() {
	c.clientGone()
	c.link.interrupt()
}

// finish closes the connection as what has happened on it asks for.
func (c *serverConn) finish() {
	c.cancelContext()
	if c.handed {
		return
	}
	lingers := c.owed || c.last && c.surplus()
	c.release()
	switch {
	case c.cut:
		c.reset()
	case lingers:
		c.linger()
		fallthrough
	default:
		_ = c.link.conn.Close()
	}
	c.over()
}

// surplus says whether the client has sent anything, its end included, behind its
// last request. Where that cannot be told without reading it may have.
func (c *serverConn) surplus() bool {
	return c.r < c.w || c.link.raw == nil || !c.link.sound()
}

// reset closes so that the client sees that its answer was cut, where nothing else
// would tell: one that ends with the connection looks whole otherwise. TLS must not
// say that this is the end.
func (c *serverConn) reset() {
	socket := c.link.socket()
	if tcp, ok := socket.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(0)
	}
	_ = socket.Close()
}

// linger lets the client read its answer before the connection is closed.
func (c *serverConn) linger() {
	if half, ok := c.link.conn.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		return
	}
	_ = c.link.conn.SetReadDeadline(time.Now().Add(lingerFor))
	_, _ = io.CopyN(io.Discard, c.link.conn, lingerMost)
}

// Follower is told what becomes of the client of a request. It must not wait.
type Follower interface {
	// ClientGone: nobody will read the answer.
	ClientGone()
}

type clientKey struct{}

// Client is the connection a request came on.
type Client serverConn

// ClientOf is the connection that r came on; nil if it was not this package's
// server that read it.
func ClientOf(r *http.Request) *Client {
	c, _ := r.Context().Value(clientKey{}).(*Client)
	return c
}

// Peer is the client's address, without IPv6 zone and not mapped into IPv6; the
// zero Addr where there is none, as on unix sockets. PeerText is the same as text.
func (c *Client) Peer() netip.Addr { return c.peer }

// PeerText is Peer as text; empty for the zero Addr.
func (c *Client) PeerText() string { return c.name }

// Following is a Follower in memory that whoever follows has anyway.
type Following struct{ Follower }

// Follow makes f hear of the client's end, once, until Unfollow has returned: at
// once, if it resets the connection, and after a second if it only ends its half,
// as clients do that still read. Both are noticed within half a second.
func (c *Client) Follow(f *Following) { c.follower.Store(f) }

// Unfollow ends what Follow began.
func (c *Client) Unfollow() {
	if c.follower.Swap(nil) == nil {
		c.telling.Lock() // until it has been told
		defer c.telling.Unlock()
	}
}

// clientEnded: it sends no more. Who waits for a place in a queue has lost it,
// who waits for an answer gets a while.
func (c *serverConn) clientEnded(now int64) {
	if c.halfEnd.CompareAndSwap(0, now) {
		c.cancelContext()
	}
	if now-c.halfEnd.Load() >= halfCloseGrace {
		c.tellFollower()
	}
}

func (c *serverConn) clientGone() {
	c.cancelContext()
	c.tellFollower()
}

func (c *serverConn) tellFollower() {
	c.telling.Lock()
	defer c.telling.Unlock()
	if f := c.follower.Swap(nil); f != nil {
		f.ClientGone()
	}
}
