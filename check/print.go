package check

import (
	"fmt"
	"io"
	"strings"

	"github.com/rota-proxy/rota/discovery"
)

// WriteText writes findings as compilers do: the place, what is wrong, the line
// with a caret, and what to type.
func WriteText(w io.Writer, r Report) error {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s: %s: %s [%s]\n", f.position(), f.Severity, f.Text, f.Code)
		margin := strings.Repeat(" ", len(fmt.Sprint(f.Line)))
		if f.Excerpt != "" {
			fmt.Fprintf(&b, "  %d | %s\n  %s | %s\n", f.Line, f.Excerpt, margin, f.Caret)
		}
		for i, line := range strings.Split(f.Fix, "\n") {
			switch {
			case f.Fix == "":
			case i == 0:
				fmt.Fprintf(&b, "  %s = fix: %s\n", margin, line)
			default:
				fmt.Fprintf(&b, "  %s        %s\n", margin, line)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (f Finding) position() string {
	if f.Line == 0 {
		return f.File
	}
	return fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
}

// githubCommands are what GitHub calls the severities.
var githubCommands = map[discovery.Severity]string{
	discovery.Error: "error", discovery.Warning: "warning", discovery.Note: "notice",
}

// WriteGitHub writes findings as workflow commands, which GitHub shows beside the
// lines of a change (docs.github.com, "Workflow commands for GitHub Actions").
func WriteGitHub(w io.Writer, r Report) error {
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "::%s file=%s", githubCommands[f.Severity], property.Replace(f.File))
		if f.Line > 0 {
			fmt.Fprintf(&b, ",line=%d,col=%d", f.Line, f.Column)
		}
		text := f.Text
		if f.Fix != "" {
			text += "\nfix: " + f.Fix
		}
		fmt.Fprintf(&b, ",title=%s::%s\n", property.Replace("rota "+string(f.Code)), data.Replace(text))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
