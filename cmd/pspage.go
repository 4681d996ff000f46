package cmd

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rota-proxy/rota/admin"
	"github.com/rota-proxy/rota/discovery"
	"github.com/rota-proxy/rota/proxy/spec"
)

// psPage is what `rota ps` shows of one answer: warnings about engines, the
// table, what to type, what was left out.
type psPage struct {
	engines []admin.EngineView
	files   []admin.FileView
	shown   []admin.ContainerView
	static  []admin.TargetView
	hidden  int
	now     time.Time
}

func (p psPage) lines(width int) []string {
	table := p.table()
	lines := slices.Concat(p.warnings(), table.lines(width), p.advice(table.widths(width)[columnReason]), p.staticAdvice(), p.fileAdvice())
	if len(p.shown)+len(p.static) == 0 {
		lines = append(lines, p.invitation()...)
	}
	switch {
	case p.hidden == 1:
		lines = append(lines, "", "1 container not exposed (-a shows it)")
	case p.hidden > 1:
		lines = append(lines, "", fmt.Sprintf("%d containers not exposed (-a shows them)", p.hidden))
	}
	return lines
}

// invitation stands in place of rows. Nobody knows who asks while there is an
// engine that has not answered.
func (p psPage) invitation() []string {
	if slices.ContainsFunc(p.engines, func(e admin.EngineView) bool { return !e.Synced }) {
		return []string{"", "Which containers ask to be routed is not known before the engine has been read."}
	}
	if len(p.engines) == 0 {
		return []string{"", "No static Target is served, and no engine is followed (--docker off)."}
	}
	return []string{
		"", "No container asks to be routed yet. One that does:",
		"    docker run -d --label rota.host=hello.localhost IMAGE",
	}
}

// warnings say which engine's or file's rows are old, or not there yet.
func (p psPage) warnings() []string {
	var lines []string
	for _, engine := range p.engines {
		if warning := p.warning(engine); warning != "" {
			lines = append(lines, printable(warning))
		}
	}
	if lines = append(lines, p.fileWarnings()...); len(lines) > 0 {
		lines = append(lines, "")
	}
	return lines
}

func (p psPage) warning(engine admin.EngineView) string {
	where := fmt.Sprintf("engine %s (%s)", engine.Name, engine.Host)
	why := ""
	if engine.Error != "" {
		why = ": " + engine.Error
	}
	switch {
	case engine.Reachable && engine.Synced:
		return ""
	case !engine.Synced:
		return "! " + where + " has not been read yet" + why
	case engine.StaleSince != nil:
		lost := engine.StaleSince.Local()
		return fmt.Sprintf("! %s is not reachable since %s (%s); this is its last known state%s",
			where, lost.Format(time.TimeOnly), p.now.Sub(lost).Round(time.Second), why)
	}
	return "! " + where + " is not reachable; this is its last known state" + why
}

// The columns of the table.
const (
	columnContainer = iota
	columnTarget
	columnHost
	columnAddress
	columnState
	columnReason
)

func (p psPage) table() table {
	t := table{
		header: []string{"CONTAINER", "TARGET", "HOST", "ADDRESS", "STATE", "REASON", "REQUESTS"},
		// The reason keeps most: names can be told by their ends.
		yields: []yield{
			{columnHost, 20}, {columnTarget, 20}, {columnContainer, 20}, {columnReason, 60},
			{columnTarget, 12}, {columnHost, 14}, {columnContainer, 14}, {columnReason, 24},
			{columnHost, 10}, {columnTarget, 8}, {columnContainer, 10}, {columnReason, 8},
		},
		ends: []int{columnContainer, columnTarget},
	}
	for _, container := range p.shown {
		t.rows = append(t.rows, containerRows(container)...)
	}
	for _, target := range p.static {
		t.rows = append(t.rows, staticRows(target)...)
	}
	for _, row := range t.rows {
		for i := range row {
			row[i] = printable(row[i])
		}
	}
	return t
}

// containerRows is one row for each Target a container plays a part in, and one
// row for a container that plays none.
func containerRows(container admin.ContainerView) [][]string {
	if len(container.Targets) == 0 {
		return [][]string{{
			container.Name, "", "", "", stateCell(container), reasonCell(rowReasons(container), false), "",
		}}
	}
	var rows [][]string
	for _, part := range container.Targets {
		rows = append(rows, []string{
			container.Name, part.Target, strings.Join(part.Hosts, ", "), part.Address, part.State,
			reasonCell(partReasons(container, part), part.State == spec.Ready.String()),
			requestsCell(part),
		})
	}
	return rows
}

// stateCell is the state of a container that plays no part. "hidden" would be
// taken for the word of `enable` alone.
func stateCell(container admin.ContainerView) string {
	if container.Outcome == string(discovery.Hidden) {
		return "not exposed"
	}
	return container.Outcome
}

// rowReasons are the findings that a row of a container that plays no part
// chooses from. Of one that is not exposed it is the first, which says why:
// there are several causes, and a mistyped label beside it stands below.
func rowReasons(container admin.ContainerView) []admin.ReasonView {
	if container.Outcome == string(discovery.Hidden) && len(container.Reasons) > 0 {
		return container.Reasons[:1]
	}
	return container.Reasons
}

// partReasons are the findings that the row of a part chooses from. What is
// wrong with the container as a whole is the cause, and comes first.
func partReasons(container admin.ContainerView, part admin.TargetPart) []admin.ReasonView {
	return slices.Concat(container.Reasons, part.Reasons)
}

// requestsCell is empty for what the proxy does not have: 0 would say that it
// got none before.
func requestsCell(part admin.TargetPart) string {
	if part.Upstream == "" && part.Requests == 0 {
		return ""
	}
	return strconv.FormatUint(part.Requests, 10)
}

// reasonCell is the finding that decides: the first error, else the first one
// that matters. Notes on what works only would be in the way.
func reasonCell(reasons []admin.ReasonView, works bool) string {
	if r, ok := decisive(reasons); ok && (!works || r.Severity != string(discovery.Note)) {
		return r.Text
	}
	return ""
}

func decisive(reasons []admin.ReasonView) (admin.ReasonView, bool) {
	for _, severity := range []discovery.Severity{discovery.Error, discovery.Warning, discovery.Note} {
		for _, r := range reasons {
			if r.Severity == string(severity) {
				return r, true
			}
		}
	}
	return admin.ReasonView{}, false
}

// advice is what the table has no room for: every finding that can be mended,
// with what to type, every error beyond the one in the row, and what did not fit
// into room characters there. What replicas have in common is said once.
func (p psPage) advice(room int) []string {
	var order []admin.ReasonView
	names := map[admin.ReasonView][]string{}
	for _, container := range p.shown {
		for _, r := range adviceFor(container, room) {
			if names[r] == nil {
				order = append(order, r)
			}
			names[r] = append(names[r], container.Name)
		}
	}
	var lines []string
	for _, r := range order {
		lines = append(lines, adviceLines(strings.Join(names[r], ", ")+": "+r.Text, r.Fix)...)
	}
	return lines
}

// adviceFor are the findings of a container that are worth more than a cell,
// each once. room is how many characters the cell has.
func adviceFor(container admin.ContainerView, room int) []admin.ReasonView {
	var found []admin.ReasonView
	add := func(reasons, choice []admin.ReasonView, works bool) {
		inRow, _ := decisive(choice)
		cut := utf8.RuneCountInString(reasonCell(choice, works)) > room
		for _, r := range reasons {
			said := func(other admin.ReasonView) bool { return sameAdvice(r, other) }
			if (isAdvice(r, inRow) || cut && r == inRow) && !slices.ContainsFunc(found, said) {
				found = append(found, r)
			}
		}
	}
	for _, part := range container.Targets {
		add(partReasons(container, part), partReasons(container, part), part.State == spec.Ready.String())
	}
	if len(container.Targets) == 0 {
		add(container.Reasons, rowReasons(container), false)
	}
	return found
}

// sameAdvice says whether two findings of one container need saying once only:
// the parts of one that does not accept connections differ in their seconds.
func sameAdvice(a, b admin.ReasonView) bool {
	return a == b || a.Code == spec.Starting.String() && a.Code == b.Code && a.Fix == b.Fix && a.Fix != ""
}

func isAdvice(r, inRow admin.ReasonView) bool {
	if r.Severity == string(discovery.Note) {
		return false
	}
	return r.Fix != "" || r.Severity == string(discovery.Error) && r != inRow
}
