package proxy

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
)

func testReplay(src io.Reader) *replay {
	return newReplay(io.NopCloser(src), http.NewResponseController(httptest.NewRecorder()), 0)
}

func TestReplayStartsOver(t *testing.T) {
	b := testReplay(strings.NewReader("hello world"))
	first := make([]byte, 5)
	if _, err := io.ReadFull(b.view(), first); err != nil {
		t.Fatal(err)
	}
	whole, err := io.ReadAll(b.view())
	if string(first) != "hello" || string(whole) != "hello world" || err != nil {
		t.Errorf("read %q, then %q, error %v", first, whole, err)
	}
	again, err := io.ReadAll(b.view())
	if string(again) != "hello world" || err != nil {
		t.Errorf("a third attempt read %q, error %v", again, err)
	}
	b.close()
}

func TestReplayReplacedViewFails(t *testing.T) {
	b := testReplay(strings.NewReader("x"))
	old := b.view()
	b.view()
	if _, err := old.Read(make([]byte, 1)); !errors.Is(err, errReplaced) {
		t.Errorf("a replaced view read with error %v", err)
	}
}

func TestReplayForgetsWhatIsLarge(t *testing.T) {
	large := bytes.Repeat([]byte("x"), replayLimit+1)
	b := testReplay(bytes.NewReader(large))
	v := b.view()
	if !b.replayable() {
		t.Error("a body not read yet cannot be repeated")
	}
	got, err := io.ReadAll(v)
	if !bytes.Equal(got, large) || err != nil {
		t.Errorf("read %d bytes, error %v", len(got), err)
	}
	if b.replayable() {
		t.Error("a body beyond the limit can be repeated")
	}
}

func TestReplayKeepsWhatFits(t *testing.T) {
	body := bytes.Repeat([]byte("x"), replayLimit)
	b := testReplay(bytes.NewReader(body))
	io.Copy(io.Discard, b.view())
	if !b.replayable() {
		t.Fatal("a body of exactly the limit cannot be repeated")
	}
	if again, _ := io.ReadAll(b.view()); !bytes.Equal(again, body) {
		t.Errorf("the repeat has %d bytes", len(again))
	}
}

// What an attempt was reading when it was replaced belongs to the next one.
func TestReplayLosesNothingToAReplacedReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, client := io.Pipe()
		b := testReplay(src)
		old := b.view()
		failed := make(chan error, 1)
		go func() {
			_, err := old.Read(make([]byte, 16))
			failed <- err
		}()
		synctest.Wait() // the old view waits for the client
		next := b.view()
		go func() {
			client.Write([]byte("late"))
			client.Close()
		}()
		got, err := io.ReadAll(next)
		if string(got) != "late" || err != nil {
			t.Errorf("the next attempt read %q, error %v", got, err)
		}
		if err := <-failed; !errors.Is(err, errReplaced) {
			t.Errorf("the old attempt ended with %v", err)
		}
		b.close()
	})
}

// While a request is held its body is read ahead, as far as is remembered.
func TestReplayReadsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, client := io.Pipe()
		b := testReplay(src)
		b.readAhead()
		wrote := make(chan int, 1)
		go func() {
			n, _ := client.Write(make([]byte, 2*replayLimit))
			wrote <- n
			client.Close()
		}()
		synctest.Wait()
		if !b.replayable() || len(b.seen) == 0 || len(b.seen) > replayLimit {
			t.Errorf("read %d bytes ahead, replayable %v", len(b.seen), b.replayable())
		}
		n, err := io.Copy(io.Discard, b.view())
		if n != 2*replayLimit || err != nil {
			t.Errorf("the attempt read %d bytes, error %v", n, err)
		}
		b.close()
		<-wrote
	})
}

func TestReplayReportsTheClientsFailure(t *testing.T) {
	b := testReplay(io.MultiReader(strings.NewReader("x"), failingReader{}))
	io.Copy(io.Discard, b.view())
	if !errors.Is(b.failure(), errClientGone) {
		t.Errorf("failure is %v", b.failure())
	}
	if b := testReplay(strings.NewReader("x")); func() error { io.Copy(io.Discard, b.view()); return b.failure() }() != nil {
		t.Error("the end of a body counts as a failure")
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errClientGone }
