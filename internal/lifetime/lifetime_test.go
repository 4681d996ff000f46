package lifetime

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

var errOver = errors.New("over")

var _ context.Context = (*Lifetime)(nil)

func TestTheFirstEndCounts(t *testing.T) {
	var l Lifetime
	if l.Err() != nil || l.Followed() {
		t.Error("it has ended, or is followed, from the start")
	}
	done := l.Done()
	if !l.Followed() {
		t.Error("nobody seems to follow it")
	}
	l.End(errOver)
	l.End(errors.New("another"))
	<-done
	<-l.Done()
	if l.Err() != errOver {
		t.Errorf("it ended with %v", l.Err())
	}
}

func TestChildrenEndWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Lifetime
		child, cancel := context.WithCancel(&l)
		defer cancel()
		called, stopped := 0, 0
		context.AfterFunc(&l, func() { called++ })
		stop := context.AfterFunc(&l, func() { stopped++ })
		if !stop() || stop() {
			t.Error("stop has to say whether it came in time")
		}
		l.End(errOver)
		synctest.Wait()
		if child.Err() == nil || called != 1 || stopped != 0 {
			t.Errorf("child: %v, called %d times, the stopped one %d times", child.Err(), called, stopped)
		}
		context.AfterFunc(&l, func() { called++ })
		synctest.Wait()
		if called != 2 {
			t.Error("after the end it was not called at once")
		}
	})
}
