package cmd

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rota-proxy/rota/admin"
	"github.com/rota-proxy/rota/discovery"
)

// psAnswer is what `rota ps` shows: containers, and the Targets that come from
// files.
type psAnswer struct {
	admin.ContainersAnswer
	static []admin.TargetView
}

// askPs asks for Targets only if there is a file that some may come from.
func askPs(ctx context.Context, client *admin.Client) (psAnswer, error) {
	containers, err := client.Containers(ctx)
	answer := psAnswer{ContainersAnswer: containers}
	if err != nil || len(containers.Files) == 0 {
		return answer, err
	}
	targets, err := client.Targets(ctx)
	answer.static = slices.DeleteFunc(targets.Targets, func(t admin.TargetView) bool { return t.Source != discovery.SourceFile })
	return answer, err
}

// staticRows is one row for each Upstream of a static Target.
func staticRows(target admin.TargetView) [][]string {
	hosts := make([]string, len(target.Matches))
	for i, match := range target.Matches {
		hosts[i] = match.Text
	}
	var rows [][]string
	for _, upstream := range target.Upstreams {
		state, reason := upstream.State, upstream.Reason
		switch refused := refusedMatches(target); {
		case target.Closed != "":
			state, reason = "closed", target.Closed
		case len(refused) > 0 && len(refused) == len(target.Matches):
			state, reason = "not routed", strings.Join(refused, "; ")
		case reason == "" && len(refused) > 0:
			reason = strings.Join(refused, "; ")
		case reason == "":
			reason = reasonCell(target.Reasons, true)
		}
		rows = append(rows, []string{
			upstream.Name, target.ID, strings.Join(hosts, ", "), upstream.Address, state, reason,
			strconv.FormatUint(upstream.Requests, 10),
		})
	}
	return rows
}

// refusedMatches are what a Target asks for and another holds, in words.
func refusedMatches(target admin.TargetView) []string {
	var all []string
	for _, c := range target.Conflicts {
		if c.Loser == target.ID {
			all = append(all, fmt.Sprintf("%s is held by %s", c.Match, c.Holder))
		}
	}
	return all
}

// fileWarnings say which files are not served as they are now.
func (p psPage) fileWarnings() []string {
	var lines []string
	for _, file := range p.files {
		if file.Error != "" {
			lines = append(lines, printable("! what file "+file.Path+" said before is served: "+file.Error))
		}
	}
	return lines
}

// fileAdvice is what is wrong with single entries of files, and what to type.
func (p psPage) fileAdvice() []string {
	var lines []string
	for _, file := range p.files {
		for _, r := range file.Reasons {
			lines = append(lines, adviceLines(r.Text, r.Fix)...)
		}
	}
	return lines
}

// staticAdvice is what is wrong with static Targets as they are served.
func (p psPage) staticAdvice() []string {
	var lines []string
	for _, target := range p.static {
		for _, r := range target.Reasons {
			lines = append(lines, adviceLines(target.ID+": "+r.Text, r.Fix)...)
		}
	}
	return lines
}

// adviceLines are one finding, with what to type below it.
func adviceLines(text, fix string) []string {
	lines := []string{"", printable(text)}
	for line := range strings.Lines(fix) {
		lines = append(lines, "    "+printable(strings.TrimRight(line, "\n")))
	}
	return lines
}
