package standin

import (
	"fmt"
	"testing"
	"time"

	"github.com/docker/docker/api/types/events"
)

func note(name string) events.Message {
	return events.Message{Type: events.ContainerEventType, Actor: events.Actor{ID: name}}
}

func TestJournalGivesWhatCameAfter(t *testing.T) {
	j := newJournal()
	j.add(note("a"))
	n := j.now()
	_, _, news, _ := j.after(n)
	j.add(note("b"))
	j.add(note("c"))
	select {
	case <-news:
	default:
		t.Error("nobody was told of news")
	}
	found, newest, _, whole := j.after(n)
	if !whole || newest != 3 || len(found) != 2 || found[0].Actor.ID != "b" || found[1].Actor.ID != "c" {
		t.Errorf("%v %d %v", found, newest, whole)
	}
	if found[0].TimeNano >= found[1].TimeNano || found[0].Scope != "local" || found[0].Time != found[0].TimeNano/1e9 {
		t.Errorf("stamps: %+v", found)
	}
}

func TestJournalForgetsAndSaysSo(t *testing.T) {
	j := newJournal()
	for i := range kept + 10 {
		j.add(note(fmt.Sprint(i)))
	}
	if _, _, _, whole := j.after(9); whole {
		t.Error("event 10 is not kept, and it is not said")
	}
	found, _, _, whole := j.after(10)
	if !whole || len(found) != kept || found[0].Actor.ID != "10" {
		t.Errorf("%d events from %v", len(found), found[0])
	}
}

func TestJournalFindsThePast(t *testing.T) {
	j := newJournal()
	j.add(note("a"))
	j.add(note("b"))
	found, _, _, _ := j.after(0)
	for i, want := range []uint64{0, 1} {
		if n := j.since(time.Unix(0, found[i].TimeNano)); n != want {
			t.Errorf("since event %d: %d, want %d", i, n, want)
		}
	}
	if n := j.since(time.Now().Add(time.Hour)); n != 2 {
		t.Errorf("since the future: %d", n)
	}
	if n := j.since(time.Unix(0, 0)); n != 0 {
		t.Errorf("since ever: %d", n)
	}
}
