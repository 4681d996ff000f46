package check

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"github.com/rota-proxy/rota/discovery"
	"github.com/rota-proxy/rota/proxy"
	"github.com/rota-proxy/rota/proxy/spec"
)

// What is said of the corpus in testdata is compared in cmd, with the command as a
// whole. Here it is looked at what the services of each case do to a service that
// is right and has nothing to do with them: nothing.
func TestNoCaseDisturbsAnotherService(t *testing.T) {
	t.Chdir("testdata")
	files, err := filepath.Glob("*.yml")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	bystander := discovery.Planned{
		Name: "good-good-1", Project: "good", Service: "good", Networks: []string{"good_default"},
		Labels: map[string]string{"rota.host": "good.test", "rota.port": "80"},
	}
	for _, file := range files {
		t.Run(file, func(t *testing.T) {
			verdict, target := planBeside(t, bystander, servicesOf(t, file))
			if verdict.Outcome != discovery.Routed || len(verdict.Reasons)+len(verdict.Targets[0].Reasons) > 0 {
				t.Errorf("the bystander's verdict is %+v", verdict)
			}
			_, alone := planBeside(t, bystander, nil)
			target.Upstreams, alone.Upstreams = nil, nil // their made-up addresses differ
			if target.Created = alone.Created; !reflect.DeepEqual(target, alone) {
				t.Errorf("the bystander's Target is %+v, alone it is %+v", target, alone)
			}
		})
	}
}

// servicesOf plans the services of one case, as far as its file can be loaded.
func servicesOf(t *testing.T, file string) []discovery.Planned {
	t.Helper()
	c, err := newComposeCheck(Options{}, []string{file})
	if err != nil {
		t.Fatal(err)
	}
	if !c.readFiles() {
		return nil
	}
	project := c.load(t.Context())
	if project == nil {
		return nil
	}
	var all []discovery.Planned
	for _, one := range c.planAll(project, project.AllServices()) {
		one.Proxy = false // the bystander is on no network of it
		all = append(all, one.Planned)
	}
	return all
}

// planBeside plans a service with others and answers what became of it.
func planBeside(t *testing.T, one discovery.Planned, others []discovery.Planned) (discovery.Verdict, spec.Target) {
	t.Helper()
	verdicts, targets, err := discovery.Plan(discovery.PlanOptions{}, append(others, one))
	if err != nil {
		t.Fatal(err)
	}
	verdict := verdicts[len(verdicts)-1]
	for _, c := range proxy.Conflicts(targets) {
		if c.Loser == verdict.Targets[0].ID || c.Holder == verdict.Targets[0].ID {
			t.Errorf("it has a conflict: %+v", c)
		}
	}
	for _, target := range targets {
		if target.ID == verdict.Targets[0].ID {
			return verdict, target
		}
	}
	t.Fatal("the bystander has no Target")
	return verdict, spec.Target{}
}

// Whatever stands in labels, findings can be printed on a terminal.
func FuzzLabels(f *testing.F) {
	files, err := filepath.Glob("testdata/*.labels")
	if err != nil || len(files) == 0 {
		f.Fatalf("%d seeds, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("rota.\x1b[31mhost=\u202e\x00\nrota.auth.basic=x\xff: y\n- \"\n{"))
	f.Add([]byte("{a: *a, rota.host: [b, {c: d}], 'rota.port"))
	f.Fuzz(func(t *testing.T, text []byte) {
		report, err := Labels(Options{}, "stdin", text)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := WriteText(&out, report); err != nil {
			t.Fatal(err)
		}
		if err := WriteGitHub(&out, report); err != nil {
			t.Fatal(err)
		}
		if i := strings.IndexFunc(out.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%q is printed as %q", text, out.String()[i:])
		}
	})
}
