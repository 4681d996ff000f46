package admin

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/rota-proxy/rota/discovery"
	"github.com/rota-proxy/rota/proxy/spec"
)

// ReasonView is one finding: a code to look up, a sentence to read, what to
// type to mend it.
type ReasonView struct {
	Code     string `json:"code"`
	Step     string `json:"step"`     // seen labels network port state route rotation
	Severity string `json:"severity"` // error: out of rotation because of it; warning; note
	Text     string `json:"text"`
	Fix      string `json:"fix,omitempty"` // may be several lines
}

// slowStart is how long an Upstream may take to become ready before it looks
// more like a mistake than like a program that is starting.
const slowStart = 10 * time.Second

func viewReasons(reasons []discovery.Reason) []ReasonView {
	views := make([]ReasonView, len(reasons))
	for i, r := range reasons {
		views[i] = viewReason(r)
	}
	return views
}

func viewReason(r discovery.Reason) ReasonView {
	return ReasonView{Code: string(r.Code), Step: string(r.Code.Step()), Severity: string(r.Severity), Text: r.Text, Fix: r.Fix}
}

// viewFaults are what is wrong with how a Target is served over https.
func viewFaults(faults []spec.Fault) []ReasonView {
	views := make([]ReasonView, len(faults))
	for i, f := range faults {
		severity := discovery.Warning
		if f.Grave {
			severity = discovery.Error
		}
		views[i] = viewReason(discovery.Reason{Code: discovery.Code(f.Code), Severity: severity, Text: f.Text, Fix: f.Fix})
	}
	return views
}

// reasonsOfUpstream says why an Upstream that the proxy has gets no requests,
// unless a finding of discovery, which then is the cause, has said it already.
// checking: the engine's HEALTHCHECK has no result yet.
func reasonsOfUpstream(upstream spec.UpstreamStatus, checking bool, known []ReasonView, now time.Time) []ReasonView {
	if upstream.Reason == "" || slices.ContainsFunc(known, explains) {
		return nil
	}
	if upstream.State == spec.Ready {
		// It works, and somebody wanted it so: not an error.
		return []ReasonView{viewReason(discovery.Reason{Code: discovery.CodeNoWeight, Severity: discovery.Warning, Text: upstream.Reason})}
	}
	reason := discovery.Reason{Code: discovery.Code(upstream.State.String()), Severity: discovery.Error, Text: upstream.Reason}
	if upstream.State == spec.Starting && !upstream.Since.IsZero() && now.Sub(upstream.Since) >= slowStart {
		reason.Fix = slowStartFix(upstream.Address, checking)
	}
	return []ReasonView{viewReason(reason)}
}

// explains says whether a finding of discovery is why an Upstream is not ready.
func explains(r ReasonView) bool {
	return r.Severity == string(discovery.Error) || r.Code == string(discovery.CodeOwnerRestarted)
}

// slowCheckFix names no container, so that it is the same for all replicas.
const slowCheckFix = "its first check comes one `interval` after the start, 30 s by default: choose a shorter one\n" +
	"if checks fail, this says why: docker inspect -f '{{json .State.Health}}' CONTAINER"

func slowStartFix(address string, checking bool) string {
	if checking {
		return slowCheckFix
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("let the program listen on 0.0.0.0:%s (127.0.0.1 is the container alone), "+
		"or name the port it does listen on with the label `port`", port)
}

// conflictReason is a conflict as the Target id sees it. ownHost is what to type
// to give it another host, where nobody has chosen the one it has.
func conflictReason(conflict spec.Conflict, id, ownHost string, allRefused bool) ReasonView {
	if conflict.Holder == id {
		return viewReason(discovery.Reason{
			Code:     discovery.CodeMatchClaimed,
			Severity: discovery.Warning,
			Text:     fmt.Sprintf("%s wants %s as well and is refused it", conflict.Loser, conflict.Match),
			Fix:      fmt.Sprintf("give one of the two another host or path, or remove %s", conflict.Loser),
		})
	}
	severity := discovery.Warning
	if allRefused {
		severity = discovery.Error
	}
	return viewReason(discovery.Reason{
		Code:     discovery.CodeMatchTaken,
		Severity: severity,
		Text:     fmt.Sprintf("%s is held by %s", conflict.Match, conflict.Holder),
		Fix:      cmp.Or(ownHost, fmt.Sprintf("give one of the two another host or path, or remove %s", conflict.Holder)),
	})
}

// decisiveFirst sorts errors before warnings before notes and leaves the order
// among equals.
func decisiveFirst(reasons []ReasonView) {
	rank := map[string]int{string(discovery.Error): 0, string(discovery.Warning): 1, string(discovery.Note): 2}
	slices.SortStableFunc(reasons, func(a, b ReasonView) int {
		return cmp.Compare(rank[a.Severity], rank[b.Severity])
	})
}
