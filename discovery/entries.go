package discovery

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rota-proxy/rota/internal/spelling"
	"github.com/rota-proxy/rota/proxy/spec"
)

// listeners are the names of the proxy's listeners. Whoever does not say which
// there are, has all.
type listeners []string

func (l listeners) has(entry string) bool { return len(l) == 0 || slices.Contains(l, entry) }

// unmatched says whether no request can ever be the Target's, because each of
// its matches asks for listeners that do not exist.
func (l listeners) unmatched(matches []spec.Match) bool {
	lost := func(m spec.Match) bool {
		return len(m.Entries) > 0 && !slices.ContainsFunc(m.Entries, l.has)
	}
	return len(matches) > 0 && !slices.ContainsFunc(matches, func(m spec.Match) bool { return !lost(m) })
}

// missing are the listeners that matches ask for and that do not exist.
func (l listeners) missing(matches []spec.Match) []string {
	return slices.DeleteFunc(askedEntries(matches), l.has)
}

// noSuch says which listeners do not exist, and which there are.
func (l listeners) noSuch(missing []string) Reason {
	return Reason{
		Code: CodeNoEntry, Severity: Warning,
		Text: fmt.Sprintf("no listener is called %s; there is %s", l.withNearest(missing), strings.Join(l, ", ")),
	}
}

// entryReasons name the listeners that the Target's matches ask for and that do
// not exist.
func (a assembler) entryReasons(r replica, owner string, matches []spec.Match) []Reason {
	missing := a.Entries.missing(matches)
	if len(missing) == 0 || !r.alive() {
		return nil
	}
	reason := a.Entries.noSuch(missing)
	if a.Entries.unmatched(matches) {
		reason.Severity = Error
	}
	if r.project() == owner {
		reason.Fix = a.entryFix(r, askedEntries(matches), missing)
	}
	return []Reason{reason}
}

// askedEntries are the listeners that matches name, each once.
func askedEntries(matches []spec.Match) []string {
	var all []string
	for _, m := range matches {
		all = append(all, m.Entries...)
	}
	return unique(all)
}

// withNearest quotes names, each with the listener that was probably meant.
func (l listeners) withNearest(missing []string) string {
	quoted := make([]string, len(missing))
	for i, name := range missing {
		quoted[i] = fmt.Sprintf("%q", name)
		if nearest := spelling.Nearest(name, l); nearest != "" {
			quoted[i] += fmt.Sprintf(" (nearest: %s)", nearest)
		}
	}
	return strings.Join(quoted, " or ")
}

// entryFix is the label with the listeners that were probably meant. If there is
// none, only whoever starts the proxy can help.
func (a assembler) entryFix(r replica, asked, missing []string) string {
	var right []string
	for _, name := range asked {
		if !a.Entries.has(name) {
			name = spelling.Nearest(name, a.Entries)
		}
		if name != "" {
			right = append(right, name)
		}
	}
	if len(right) == 0 {
		return fmt.Sprintf("start rota with --entry %s=ADDRESS, or ask for %s", missing[0], strings.Join(a.Entries, " or "))
	}
	return a.label(r, "entry", strings.Join(unique(right), ","))
}

// label is what to write to give r's Target an option.
func (a assembler) label(r replica, option, value string) string {
	key := a.Outlook.Prefix
	if r.Asked.Name != "" {
		key += "." + r.Asked.Name
	}
	key += "." + option
	return mend(r.container, "--label "+key+"="+value, "labels:", fmt.Sprintf("  %s: %s", key, value))
}
