package e2e

import (
	"net/http"
	"time"
)

// A death is noticed by a goroutine that may have to wait for a processor, so it
// may have been this much earlier; and the proxy learns of a closed socket when
// it is next scheduled, so it may have written this much later.
const (
	deathEarlier = 50 * time.Millisecond
	writtenLater = 10 * time.Millisecond
)

// postVerdict is what a load of POSTs came to.
type postVerdict struct {
	twice []string // received more than once, by whomever
	// excused failed because the process they had been written to died before
	// it answered: nobody can know whether they were carried out, so they
	// could not be repeated.
	excused []*sent
	// lost failed without that excuse.
	lost []*sent
	// unseen were answered though no app reported them: reports went missing,
	// and nothing else here can be believed.
	unseen []string
}

// judgePosts holds the POSTs of a load against what the apps say they received
// and against the instants at which processes died.
func judgePosts(all []*sent, reports []report, deaths []death) postVerdict {
	got, answered := byRequest(reports, "got"), byRequest(reports, "answered")
	var v postVerdict
	for _, s := range all {
		if len(got[s.id]) > 1 {
			v.twice = append(v.twice, s.id)
		}
		switch {
		case s.failure == "" && len(got[s.id]) == 0:
			v.unseen = append(v.unseen, s.id)
		case s.failure == "":
		case len(answered[s.id]) == 0 && diedWith(s, got[s.id], deaths):
			v.excused = append(v.excused, s)
		default:
			v.lost = append(v.lost, s)
		}
	}
	return v
}

// diedWith says whether the POST was unanswered when a process died that had
// received it or, as nobody received it, may have had it in its socket. The
// proxy must call it broken off, too: 502.
func diedWith(s *sent, got []report, deaths []death) bool {
	if s.status != http.StatusBadGateway {
		return false
	}
	for _, d := range deaths {
		mayHaveHadIt := len(got) == 0 || got[0].Instance == d.instance
		if mayHaveHadIt && s.outstanding(d.at.Add(-deathEarlier), d.at.Add(writtenLater)) {
			return true
		}
	}
	return false
}

func byRequest(reports []report, kind string) map[string][]report {
	found := map[string][]report{}
	for _, r := range reports {
		if r.Kind == kind && r.Method == http.MethodPost {
			found[r.Request] = append(found[r.Request], r)
		}
	}
	return found
}
