package discovery

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rota-proxy/rota/discovery/labels"
	"github.com/rs/zerolog"
)

// verdict sums up what became of a container.
func (v *inventory) verdict(e *entry) Verdict {
	verdict := Verdict{
		ID: e.ID, Name: e.Name, Image: e.Image, Project: e.project(), Service: e.Labels[labelService],
		Created: e.Created, State: e.State, Health: e.Health,
	}
	if !v.serves(e) {
		verdict.Outcome, verdict.Reasons = Hidden, append([]Reason{v.whyHidden(e)}, problemReasons(e.decoded.Problems)...)
		return verdict
	}
	guarded := slices.ContainsFunc(e.decoded.Targets, func(t labels.Target) bool { return t.Guarded })
	for i, id := range e.identities {
		told, found := e.verdicts[id]
		if !found {
			told = TargetVerdict{ID: id}
		}
		if guarded && !e.decoded.Targets[i].Guarded {
			told.Reasons = append(slices.Clone(told.Reasons), unguarded(id))
		}
		verdict.Targets = append(verdict.Targets, told)
	}
	verdict.Outcome = outcome(verdict.Targets)
	verdict.Reasons = append(stateReasons(e), problemReasons(e.decoded.Problems)...)
	return verdict
}

// whyHidden is why a container is no part of any Target.
func (v *inventory) whyHidden(e *entry) Reason {
	switch {
	case e.ID == v.self:
		return Reason{Code: CodeOwn, Severity: Note, Text: "it is rota itself"}
	case e.decoded.Hidden:
		return Reason{Code: CodeHidden, Severity: Note, Text: fmt.Sprintf("hidden by the label %s.enable", v.prefix())}
	case e.oneOff() && e.decoded.Exposed:
		return Reason{Code: CodeOneOff, Severity: Note, Text: "it was made by `compose run`: no replica of its service"}
	}
	return Reason{
		Code: CodeNotExposed, Severity: Note, Text: fmt.Sprintf("it has no label %s.*", v.prefix()),
		Fix: mend(e.container, fmt.Sprintf("--label %s.enable=true", v.prefix()), "labels:", fmt.Sprintf("  %s.enable: \"true\"", v.prefix())),
	}
}

func (v *inventory) prefix() string { return v.assembler.Outlook.Prefix }

func unguarded(id string) Reason {
	return Reason{
		Code: CodeUnguarded, Severity: Warning,
		Text: fmt.Sprintf("%s has no access rule, while another Target of the container has", id),
		Fix:  "give it one of its own, unless it is meant for everybody",
	}
}

// outcome compares the Upstreams a container gives with those it asks for.
func outcome(targets []TargetVerdict) Outcome {
	given := 0
	for _, t := range targets {
		if t.Routed() {
			given++
		}
	}
	switch {
	case given == 0:
		return NotRouted
	case given < len(targets):
		return Partly
	}
	return Routed
}

// stateReasons say what the engine's state of a container means for it.
func stateReasons(e *entry) []Reason {
	switch {
	case e.unread:
		return []Reason{{Code: CodeUnread, Severity: Warning, Text: "the engine would not describe it; it is asked again"}}
	case !e.alive():
		return []Reason{{Code: CodeNotRunning, Severity: Note, Text: fmt.Sprintf("it is not running (%s)", e.State)}}
	case !e.inspected:
		return nil // in a moment
	case e.State == statePaused:
		return []Reason{{Code: CodePaused, Severity: Note, Text: "it is paused"}}
	case e.signalled():
		return []Reason{{Code: CodeSignalled, Severity: Note, Text: "it was told to stop and gets no new requests"}}
	case e.Health == "starting":
		return []Reason{{Code: CodeChecking, Severity: Note, Text: "its HEALTHCHECK has no result yet"}}
	case e.Health == "unhealthy":
		return []Reason{{Code: CodeUnhealthy, Severity: Warning, Text: "its HEALTHCHECK fails", Fix: "docker inspect -f '{{json .State.Health}}' " + e.Name}}
	}
	return nil
}

// journal writes Verdicts to the log, each as often as it changes.
type journal struct {
	log  zerolog.Logger
	told map[string]string // by container, what was written last
}

// write logs a Verdict unless it says what it said before.
func (j journal) write(verdict Verdict) {
	text := gist(verdict)
	if j.told[verdict.ID] == text {
		return
	}
	_, known := j.told[verdict.ID]
	j.told[verdict.ID] = text
	event := j.log.WithLevel(level(verdict, known))
	event.Str("container", verdict.Name).Str("id", short(verdict.ID)).Str("image", verdict.Image)
	if len(verdict.Targets) > 0 {
		event.Array("targets", targetLines(verdict.Targets))
	}
	if reasons := allReasons(verdict); len(reasons) > 0 {
		event.Array("reasons", reasonLines(reasons))
		if fix := firstFix(reasons); fix != "" {
			event.Str("fix", fix)
		}
	}
	event.Msg("container " + string(verdict.Outcome))
}

// firstFix is the remedy for what is decisive; notes need none.
func firstFix(reasons []Reason) string {
	for _, r := range reasons {
		if r.Severity != Note && r.Fix != "" {
			return r.Fix
		}
	}
	return ""
}

func (j journal) forget(id string) { delete(j.told, id) }

// gist is the part of a Verdict whose change is worth a line.
func gist(verdict Verdict) string {
	parts := []string{string(verdict.Outcome), verdict.Name}
	for _, t := range verdict.Targets {
		parts = append(parts, t.ID, t.Address, strings.Join(t.Matches, " "))
	}
	for _, r := range allReasons(verdict) {
		parts = append(parts, string(r.Code))
		if r.Severity != Note {
			parts = append(parts, r.Text)
		}
	}
	return strings.Join(parts, "\x00")
}

// level is that of the gravest Reason. What nobody asked to be routed, and
// what merely stopped or starts, is no news to most.
func level(verdict Verdict, known bool) zerolog.Level {
	gravest := zerolog.DebugLevel
	for _, r := range allReasons(verdict) {
		switch r.Severity {
		case Error:
			return zerolog.ErrorLevel
		case Warning:
			gravest = zerolog.WarnLevel
		}
	}
	if gravest == zerolog.DebugLevel && (verdict.Outcome == Routed || verdict.Outcome == Partly || known) && verdict.Outcome != Hidden {
		return zerolog.InfoLevel
	}
	return gravest
}

// allReasons are those of the container, then those of its Targets.
func allReasons(verdict Verdict) []Reason {
	all := slices.Clone(verdict.Reasons)
	for _, t := range verdict.Targets {
		all = append(all, t.Reasons...)
	}
	return all
}

// targetLines and reasonLines write slices as arrays of a log line.
type (
	targetLines []TargetVerdict
	reasonLines []Reason
)

// MarshalZerologArray implements zerolog.LogArrayMarshaler.
func (all targetLines) MarshalZerologArray(a *zerolog.Array) {
	for _, t := range all {
		a.Dict(zerolog.Dict().Str("id", t.ID).Strs("matches", t.Matches).Str("address", t.Address))
	}
}

// MarshalZerologArray implements zerolog.LogArrayMarshaler.
func (all reasonLines) MarshalZerologArray(a *zerolog.Array) {
	for _, r := range all {
		a.Dict(zerolog.Dict().Str("code", string(r.Code)).Str("text", r.Text))
	}
}
