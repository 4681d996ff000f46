package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// errWrongProtocol is a 101 nobody asked for, or for something else.
var errWrongProtocol = errors.New("the Upstream switched to a protocol it was not asked for")

// switchProtocols answers 101 and joins both connections until one side ends,
// or the Upstream has drained.
func (x *exchange) switchProtocols(a *attempt, res response) outcome {
	header := res.header()
	if !agreesToUpgrade(res.status(), header, x.in.upgrade) {
		return outcome{failed, errWrongProtocol}
	}
	backend, err := res.hijack()
	if err != nil {
		return outcome{failed, err}
	}
	defer backend.Close()
	client, buffered, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		return outcome{failed, fmt.Errorf("taking over the client's connection: %w", err)}
	}
	defer client.Close()
	x.unfollowClient() // that it ends its half is passed on, and ends nothing else
	if x.total != nil {
		x.total.Stop() // from here on it is not a request any more
	}
	x.in.record.status = res.status()
	_ = client.SetDeadline(time.Time{})
	if err := writeSwitch(buffered.Writer, header); err != nil {
		x.in.record.failure = &clientError{err}
		return outcome{kind: answered}
	}
	defer context.AfterFunc(&a.life, func() { client.Close(); backend.Close() })()
	x.in.record.bytes += join(client, buffered.Reader, backend)
	return outcome{kind: answered}
}

// writeSwitch writes the head of the 101.
func writeSwitch(w *bufio.Writer, header http.Header) error {
	upgrade := header.Get("Upgrade")
	stripHopByHop(header)
	header.Set("Connection", "Upgrade")
	header.Set("Upgrade", upgrade)
	fmt.Fprintf(w, "HTTP/1.1 101 Switching Protocols\r\n")
	if err := header.Write(w); err != nil {
		return err
	}
	_, _ = w.WriteString("\r\n")
	return w.Flush()
}

// join copies both ways until both are done; one side's end is passed on as a
// half-close. It returns how many bytes went to the client.
func join(client net.Conn, fromClient io.Reader, backend io.ReadWriteCloser) (sent int64) {
	var both sync.WaitGroup
	both.Go(func() {
		_, err := io.Copy(backend, fromClient)
		endWriting(backend, err)
	})
	sent, err := io.Copy(client, backend)
	endWriting(client, err)
	both.Wait()
	return sent
}

// endWriting passes the end of one direction on: as a half-close if it ended
// well, else by closing.
func endWriting(to io.Closer, err error) {
	if half, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
		if half.CloseWrite() == nil {
			return
		}
	}
	to.Close()
}
