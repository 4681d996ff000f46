package discovery

import "time"

// handle takes in one event. What takes a container out of service acts from
// the event alone; everything else only says that it is worth a look. Events
// may come late, twice or in another order than they happened: then a look at
// the container decides.
func (s *session) handle(ev event, now time.Time) {
	if ev.Container == "" {
		return
	}
	if ev.Action == "destroy" {
		s.destroyed[ev.Container] = true
	}
	if s.touched != nil {
		s.touched[ev.Container] = true
	}
	delete(s.suspects, ev.Container)
	e := s.inventory.containers[ev.Container]
	if e == nil {
		e = s.meet(ev)
	}
	if e == nil || ev.Time.Before(e.StartedAt) {
		return // unknown and going, or of an earlier life
	}
	late := ev.Time.Before(e.latest)
	if !late {
		e.latest = ev.Time
	}
	if ev.Network {
		s.handleNetwork(e, ev, late, now)
		return
	}
	s.handleContainer(e, ev, late, now)
}

// meet makes the acquaintance of a container by an event: it carries all
// labels, so that those of no interest need not be asked for. What has gone is
// not worth knowing; a kill may be the first one hears of what goes on running.
func (s *session) meet(ev event) *entry {
	if ev.Network || s.destroyed[ev.Container] {
		return nil
	}
	switch ev.Action {
	case "create", "start", "restart", "unpause", "rename", "update", "health_status", "kill":
	default:
		return nil
	}
	return s.inventory.put(container{
		ID: ev.Container, Name: ev.Attributes["name"], Image: ev.Attributes["image"], Labels: ev.Attributes,
		Created: ev.Time, State: "created", StopTimeout: defaultStopTimeout,
	}, false)
}

func (s *session) handleContainer(e *entry, ev event, late bool, now time.Time) {
	switch {
	case ev.Action == "destroy":
		s.forget(e.ID)
		return
	case ev.Action == "kill":
		s.noteKill(e, ev, now)
		if e.inspected {
			return
		}
	case late: // it may be outdated, so only a look can tell
	case ev.Action == "die":
		s.act(e, func(c *container) { c.State, c.Health = stateExited, "" })
	case ev.Action == "pause":
		s.act(e, func(c *container) { c.State = statePaused })
		return
	case !s.inventory.wanted(e):
		s.believe(e, ev)
		return
	}
	s.look(e, ev, now)
}

// act changes a container at once, and makes answers that are under way count
// as old.
func (s *session) act(e *entry, edit func(*container)) {
	e.generation++
	s.inventory.change(e, edit)
}

// look has a container inspected soon, if its details matter. An engine that
// starts a container keeps an inspect of it waiting until it runs. Asked early,
// just after `create` or `connect`, it therefore answers at the very moment
// that matters; but when many start at once such waiting must not keep others
// from being looked at.
func (s *session) look(e *entry, ev event, now time.Time) {
	if !s.inventory.wanted(e) {
		return
	}
	started := ev.Action == "start" || ev.Action == "restart"
	if e.alive() || started || s.plan.spare() {
		s.plan.touch(e.ID, now)
		return
	}
	s.plan.idly(e.ID, now)
}

// believe follows a container of which only its line in the list matters.
func (s *session) believe(e *entry, ev event) {
	s.inventory.change(e, func(c *container) {
		switch ev.Action {
		case "start", "restart", "unpause":
			c.State = stateRunning
		case "rename":
			c.Name = ev.Attributes["name"]
		}
	})
}

// noteKill drains a container that was told to stop, before it does.
func (s *session) noteKill(e *entry, ev event, now time.Time) {
	e.kills = noteKill(e.kills, kill{Signal: ev.Attributes["signal"], Time: ev.Time, Seen: now})
	if !e.signalled() {
		return
	}
	s.paroles[e.ID] = e.takeBackAt()
	s.inventory.touch(e)
}

func (s *session) handleNetwork(e *entry, ev event, late bool, now time.Time) {
	if ev.Action == "disconnect" && !late {
		s.act(e, func(c *container) { *c = c.without(ev.NetworkID, ev.Attributes["name"]) })
	}
	s.look(e, ev, now)
}
