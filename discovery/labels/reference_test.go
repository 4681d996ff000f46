package labels

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

const referenceFile = "../../docs/labels.md"

func TestReferenceIsUpToDate(t *testing.T) {
	var want bytes.Buffer
	if err := WriteReference(&want); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(referenceFile, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("docs/labels.md is not what the table says; write it with: go test ./discovery/labels -run Reference -update")
	}
}

func TestReferenceShowsEveryOption(t *testing.T) {
	var reference, help bytes.Buffer
	if err := WriteReference(&reference); err != nil {
		t.Fatal(err)
	}
	if err := WriteHelp(&help); err != nil {
		t.Fatal(err)
	}
	for _, o := range Grammar() {
		if !o.Available() {
			continue
		}
		if !strings.Contains(reference.String(), "| `"+o.title()+"` |") {
			t.Errorf("%s is missing in the reference", o.Key)
		}
		if !strings.Contains(help.String(), "\n  "+o.title()+" ") {
			t.Errorf("%s is missing in the help", o.Key)
		}
	}
}

func TestHelpFitsItsWidth(t *testing.T) {
	var help bytes.Buffer
	if err := WriteHelp(&help); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(help.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > helpWidth {
			t.Errorf("%d columns: %s", n, line)
		}
		if strings.TrimRight(line, " \n") != strings.TrimSuffix(line, "\n") {
			t.Errorf("blanks at the end of %q", line)
		}
	}
}
