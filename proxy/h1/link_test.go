package h1

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/rota-proxy/rota/internal/testrig"
)

// eager is a connection, and who reads from it: at the very moment at which a wait
// is to be ended, something comes after all.
type eager struct {
	*net.TCPConn
	other *net.TCPConn
	buf   [16]byte
	taken chan struct{} // something is being read
}

func (e *eager) SetReadDeadline(at time.Time) error {
	if at.Equal(past) {
		for len(e.taken) > 0 {
			<-e.taken
		}
		_, _ = io.WriteString(e.other, "late")
		<-e.taken
	}
	return e.TCPConn.SetReadDeadline(at)
}

func (e *eager) Read(p []byte) (int, error) {
	n, err := e.TCPConn.Read(p)
	e.taken <- struct{}{}
	return n, err
}

func (e *eager) park() int64 { return 1 }
func (e *eager) room() []byte {
	select {
	case e.taken <- struct{}{}:
	default:
	}
	return e.buf[:]
}

// A wait that ends well at the moment at which the Watchdog ends it leaves nothing
// behind for the next.
func TestDeadlineIsForOneWait(t *testing.T) {
	for name, raw := range map[string]bool{"socket": true, "plain": false} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := tcpPair(t)
			e := &eager{TCPConn: ours, other: theirs, taken: make(chan struct{}, 16)}
			var l link
			l.init(ours, &Watchdog{})
			if l.conn = e; !raw {
				l.raw = nil
			}
			ended := make(chan error, 1)
			read := func() { _, err := l.read(e); ended <- err }
			go read()
			testrig.Eventually(t, "the wait", func() bool { return l.reading.due.Load() == 1 })
			l.look(2)
			if err := testrig.Await(t, "the read", ended); err != nil {
				t.Fatalf("the first wait: %v", err)
			}
			go read()
			testrig.Eventually(t, "the second wait", func() bool { return l.reading.due.Load() == 1 || len(ended) > 0 })
			_, _ = io.WriteString(theirs, "more")
			if err := testrig.Await(t, "the second read", ended); err != nil {
				t.Errorf("the second wait: %v", err)
			}
		})
	}
}

// What was interrupted for good stays so, also if the Watchdog has ended a wait at
// the same time.
func TestInterruptIsForGood(t *testing.T) {
	ours, _ := tcpPair(t)
	var l link
	l.init(ours, &Watchdog{})
	l.reading.begin(1)
	l.look(2)
	l.interrupt()
	if !l.endReading() {
		t.Error("the wait was not ended")
	}
	failed := make(chan error, 1)
	go func() { _, err := l.read(&eager{TCPConn: ours}); failed <- err }()
	if err := testrig.Await(t, "the read", failed); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("an interrupted connection can be waited for: %v", err)
	}
}
