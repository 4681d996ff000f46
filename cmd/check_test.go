package cmd

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew from what the code does")

// A case of the corpus is a file of ../check/testdata with what is said of it in
// NAME.golden, exit code included. NAME.yml is a compose file, NAME.routes one of
// static Targets, NAME.labels a list for standard input. A first line
//
//	# rota check ARGUMENTS
//
// says how it is called.
func TestCheckCorpus(t *testing.T) {
	t.Chdir("../check/testdata")
	cases := 0
	for _, kind := range []string{"yml", "routes", "labels"} {
		files, err := filepath.Glob("*." + kind)
		if err != nil {
			t.Fatal(err)
		}
		cases += len(files)
		for _, file := range files {
			t.Run(file, func(t *testing.T) { checkCase(t, file) })
		}
	}
	if cases < 60 {
		t.Errorf("only %d cases were looked at", cases)
	}
}

func checkCase(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	root := newRootCommand(nil)
	root.SetIn(bytes.NewReader(text))
	code := executeRoot(t.Context(), root, checkArguments(file, string(text)), &stdout, &stderr)
	got := fmt.Sprintf("%s%s(exit code %d)\n", &stdout, &stderr, code)
	golden := strings.TrimSuffix(file, filepath.Ext(file)) + ".golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("of\n%s\nis said\n%s\nwant\n%s", text, got, want)
	}
	for _, secret := range []string{"hunter2", "ABCDEF"} {
		if strings.Contains(got, secret) {
			t.Errorf("%q is shown:\n%s", secret, got)
		}
	}
}

// checkArguments are what a case's first line says, or what its kind needs.
func checkArguments(file, text string) []string {
	first, _, _ := strings.Cut(text, "\n")
	if arguments, found := strings.CutPrefix(first, "# rota "); found {
		return strings.Fields(arguments)
	}
	switch filepath.Ext(file) {
	case ".routes":
		return []string{checkName, "--file", file}
	case ".labels":
		return []string{checkName, "-"}
	}
	return []string{checkName, file}
}

func TestCheckStrictCountsWarnings(t *testing.T) {
	file := "../check/testdata/ports-several.yml"
	if got := execute(t, nil, checkName, file); got.code != exitFine {
		t.Errorf("exit code %d without --strict: %s", got.code, got.stderr)
	}
	if got := execute(t, nil, checkName, "--strict", file); got.code != exitFailed {
		t.Errorf("exit code %d with --strict: %s", got.code, got.stderr)
	}
}

func TestCheckPrintsNotesWhenAsked(t *testing.T) {
	file := "../docker-compose.yml"
	for want, args := range map[string][]string{"nothing wrong": {checkName, file}, "": {checkName, "--notes", file}} {
		if got := execute(t, nil, args...); got.code != exitFine || !strings.Contains(got.stdout, want) {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

func TestCheckAsJSON(t *testing.T) {
	got := execute(t, nil, checkName, "--json", "../check/testdata/option-misspelt.yml")
	var answer checkAnswer
	if err := json.Unmarshal([]byte(got.stdout), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Errors != 1 || answer.Warnings != 0 || answer.Checked != 1 || len(answer.Findings) != 1 {
		t.Fatalf("got %+v", answer)
	}
	f := answer.Findings[0]
	if f.Line != 6 || f.Column != 7 || f.Service != "web" || f.Code != "bad-option" || f.Fix != "write rota.port" {
		t.Errorf("got %+v", f)
	}
}

func TestCheckForGitHub(t *testing.T) {
	got := execute(t, nil, checkName, "--format", "github", "../check/testdata/network-mode-host-without-port.yml")
	want := "::error file=../check/testdata/network-mode-host-without-port.yml,line=4,col=5,title=rota port-needed::" +
		"it is on the host's network, where its port has to be named%0Afix: services:%0A  web:%0A    labels:%0A      rota.port: \"8080\"\n"
	if !strings.HasSuffix(got.stdout, strings.TrimPrefix(want, "::error file=../check/testdata/")) || strings.Count(got.stdout, "\n") != 1 {
		t.Errorf("got %q, want %q", got.stdout, want)
	}
}

func TestCheckRefusesWrongUsage(t *testing.T) {
	refused(t, nil, []string{checkName, "none.yml"}, "there is no file none.yml")
	refused(t, nil, []string{checkName, "-", "a.yml"}, "goes with no files")
	refused(t, nil, []string{checkName, "--format", "txt"}, "right would be --format text")
	refused(t, nil, []string{checkName, "--file", "none.yml"}, "there is no file none.yml")
}
