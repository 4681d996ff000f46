package discovery

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rota-proxy/rota/internal/filewatch"
	"github.com/rota-proxy/rota/internal/testrig"
	"github.com/rota-proxy/rota/proxy/spec"
)

const (
	entryA = "  a: { host: a.test, upstreams: \"http://10.0.0.7:80\" }\n"
	entryB = "  b: { host: b.test, upstreams: \"http://10.0.0.8:80\" }\n"
	upA    = "http://10.0.0.7:80 running"
	upB    = "http://10.0.0.8:80 running"
)

// staticRig is a followed file.
type staticRig struct {
	*recorder
	t      *testing.T
	path   string
	static *Static
	log    *testrig.Output
}

// followStatic starts to follow a file that has the entries.
func followStatic(t *testing.T, entries ...string) *staticRig {
	t.Helper()
	path := filepath.Join(t.TempDir(), "routes.yml")
	write(t, path, entries...)
	return followPath(t, path)
}

func followPath(t *testing.T, path string) *staticRig {
	t.Helper()
	r := &staticRig{recorder: newRecorder(), t: t, path: path, log: &testrig.Output{}}
	static, err := NewStatic(StaticOptions{Path: path, Log: zerolog.New(r.log), Publish: r.publish})
	if err != nil {
		t.Fatal(err)
	}
	r.static = static
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- static.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != context.Canceled {
			t.Errorf("Run ended with %v", err)
		}
	})
	return r
}

func write(t *testing.T, path string, entries ...string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("targets:\n"+strings.Join(entries, "")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// awaitStatus waits until the status holds all words, or, for a word with a ! in
// front, no such.
func (r *staticRig) awaitStatus(words ...string) {
	r.t.Helper()
	await(r.t, fmt.Sprintf("%q in the status", words), func() bool {
		status := fmt.Sprintf("%+v", r.static.Status())
		for _, word := range words {
			if without, not := strings.CutPrefix(word, "!"); not == strings.Contains(status, strings.TrimPrefix(without, "!")) {
				return false
			}
		}
		return true
	})
}

func (r *staticRig) spec(id string) spec.Target {
	target, _, _ := r.look(id)
	return target
}

func (r *staticRig) awaitHost(id, host string) {
	r.t.Helper()
	await(r.t, id+" to be at "+host, func() bool { return strings.Join(matchTexts(r.spec(id).Matches), ",") == host })
}

func TestStaticTargetsAreThereBeforeNewStaticReturns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "routes.yml")
	write(t, path, entryB, entryA)
	seen := newRecorder()
	static, err := NewStatic(StaticOptions{Path: path, Publish: seen.publish})
	if err != nil {
		t.Fatal(err)
	}
	if calls, targets := seen.count(); calls != 1 || targets != 2 {
		t.Errorf("%d calls of %d targets, want 1 of 2", calls, targets)
	}
	a, _, _ := seen.look("file:a")
	b, _, _ := seen.look("file:b")
	if !b.Created.Before(a.Created) {
		t.Errorf("b is further up in the file and not older: %v, %v", b.Created, a.Created)
	}
	if s := static.Status(); s.Targets != 2 || s.Path != path || s.Read.IsZero() || s.Error != "" || len(s.Reasons) > 0 {
		t.Errorf("the status is %+v", s)
	}
}

func TestStaticFileThatCannotBeUsedAtTheStart(t *testing.T) {
	folder := t.TempDir()
	broken := filepath.Join(folder, "broken.yml")
	write(t, broken, "  a:\n   b: c\n  d\n")
	pipe := filepath.Join(folder, "none.yml")
	for path, want := range map[string]string{
		pipe:   pipe + ": no such file or directory",
		folder: folder + ": it is no regular file",
		broken: broken + ":5:1: it is not YAML: could not find expected ':'",
	} {
		_, err := NewStatic(StaticOptions{Path: path, Publish: func([]spec.Target) { t.Error("something was published") }})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	write(t, broken, entryA)
	if _, err := NewStatic(StaticOptions{Path: broken, DefaultHost: "{{.Nope}}"}); err == nil || !strings.Contains(err.Error(), ".Nope") {
		t.Errorf("a wrong template: %v", err)
	}
}

func TestStaticChangesAreFollowed(t *testing.T) {
	for name, replace := range map[string]func(t *testing.T, path, text string){
		"written in place": func(t *testing.T, path, text string) { write(t, path, text) },
		"replaced": func(t *testing.T, path, text string) {
			write(t, path+"~", text)
			if err := os.Rename(path+"~", path); err != nil {
				t.Fatal(err)
			}
		},
		"removed and made anew": func(t *testing.T, path, text string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			write(t, path, text)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := followStatic(t, entryA, entryB)
			r.forget()
			// More than once: what was replaced is still followed.
			for _, host := range []string{"one.test", "two.test", "three.test"} {
				replace(t, r.path, strings.ReplaceAll(entryA, "a.test", host)+entryB)
				r.awaitHost("file:a", host)
			}
			if _, targets := r.count(); targets != 1 {
				t.Errorf("%d targets were published, want only the changed one", targets)
			}
		})
	}
}

// A Kubernetes volume: the file is a link into ..data, which is a link that is
// turned to another folder. A release: the folder itself is a link.
func TestStaticLinksAreFollowed(t *testing.T) {
	for name, layout := range map[string]struct{ turned, path string }{
		"volume":  {"..data", "routes.yml"},
		"release": {"current", "current/routes.yml"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			turn := func(to, host string) {
				t.Helper()
				if err := os.Mkdir(filepath.Join(folder, to), 0o755); err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(folder, to, "routes.yml"), strings.ReplaceAll(entryA, "a.test", host))
				link := filepath.Join(folder, "new-link")
				if err := os.Symlink(to, link); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(link, filepath.Join(folder, layout.turned)); err != nil {
					t.Fatal(err)
				}
			}
			turn("first", "first.test")
			path := filepath.Join(folder, layout.path)
			if name == "volume" {
				if err := os.Symlink("..data/routes.yml", path); err != nil {
					t.Fatal(err)
				}
			}
			r := followPath(t, path)
			r.awaitHost("file:a", "first.test")
			start := time.Now()
			turn("second", "second.test")
			r.awaitHost("file:a", "second.test")
			turn("third", "third.test")
			r.awaitHost("file:a", "third.test")
			if took := time.Since(start); took > filewatch.Every {
				t.Errorf("it took %v, so the links were not watched", took)
			}
		})
	}
}

func TestStaticFileThatCannotBeUsedEndsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(path string) error
		want  string
	}{
		"empty":      {func(path string) error { return os.Truncate(path, 0) }, "it is empty"},
		"broken off": {func(path string) error { return os.Truncate(path, int64(len("targets:\n  a: { ho"))) }, "it is not YAML"},
		"no entries": {func(path string) error { return os.Truncate(path, int64(len("targets:\n"))) }, "nothing stands below"},
		"missing":    {os.Remove, "no such file"},
		"a folder": {func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.Mkdir(path, 0o755)
		}, "no regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			r := followStatic(t, entryA, entryB)
			if err := c.spoil(r.path); err != nil {
				t.Fatal(err)
			}
			r.awaitStatus(c.want)
			if calls, _ := r.count(); calls != 1 {
				t.Errorf("%d calls, want only the first", calls)
			}
			if s := r.static.Status(); s.Targets != 2 {
				t.Errorf("%d targets are served, want 2", s.Targets)
			}
			_ = os.Remove(r.path)
			write(t, r.path, entryA, entryB)
			r.awaitStatus("!" + c.want)
			write(t, r.path, strings.ReplaceAll(entryA, "a.test", "new.test"), entryB)
			r.awaitHost("file:a", "new.test")
			if n := strings.Count(r.log.String(), c.want); n != 1 {
				t.Errorf("it was logged %d times, want once:\n%s", n, r.log)
			}
		})
	}
}

func TestStaticEntryThatDoesNotHoldKeepsItsLastGoodDefinition(t *testing.T) {
	r := followStatic(t, entryA, entryB)
	write(t, r.path,
		strings.ReplaceAll(entryA, "a.test", "a.test, wiat: 3s"),
		strings.ReplaceAll(entryB, "b.test", "new.test"),
		"  c: { host: c.test, wiat: 3s, upstreams: \"http://10.0.0.9:80\" }\n")
	r.awaitHost("file:b", "new.test")
	if calls, targets := r.count(); calls != 2 || targets != 2 {
		t.Errorf("%d calls of %d targets: a and c should be left alone", calls, targets)
	}
	r.awaitStatus("routes.yml:2:22: a: wiat \"3s\": is no option (nearest: wait)", "a: it keeps its last good definition",
		"c: the Target is not created", "Targets:2")
	write(t, r.path, strings.ReplaceAll(entryA, "a.test", "mended.test"), entryB)
	r.awaitHost("file:a", "mended.test")
	r.awaitStatus("!wiat", "!last good")
}

func TestStaticEntryWithAWrongCheckIsShut(t *testing.T) {
	r := followStatic(t, entryA, entryB)
	write(t, r.path,
		strings.ReplaceAll(entryA, "a.test", "a.test, alow: 10.0.0.0/8"),
		strings.ReplaceAll(entryB, "b.test", "b.test, client: 10.0.0.0/8, wiat: 3s"))
	await(t, "both to be shut", func() bool { return r.spec("file:a").Closed != "" && r.spec("file:b").Closed != "" })
	if got := r.spec("file:b").Closed; !strings.Contains(got, "the earlier definition is open") {
		t.Errorf("b is shut because of %q", got)
	}
	write(t, r.path, entryA, entryB)
	await(t, "both to be open", func() bool { return r.spec("file:a").Closed == "" && r.spec("file:b").Closed == "" })
}

// Nobody stops a backend because a file names it no longer: what it is asked
// finishes, and nothing new comes.
func TestStaticUpstreamThatLeavesMayFinish(t *testing.T) {
	draining := strings.ReplaceAll(entryA, "a.test", "a.test, drain: 300ms")
	r := followStatic(t, draining)
	write(t, r.path, strings.ReplaceAll(draining, "10.0.0.7", "10.0.0.8"))
	r.await(t, "file:a", "http://10.0.0.7:80 signalled, "+upB)
	r.await(t, "file:a", upB)
	// It comes back before it is gone.
	write(t, r.path, draining)
	r.await(t, "file:a", upA+", http://10.0.0.8:80 signalled")
	write(t, r.path, strings.ReplaceAll(draining, "10.0.0.7", "10.0.0.8"))
	r.await(t, "file:a", "http://10.0.0.7:80 signalled, "+upB)
	r.await(t, "file:a", upB)
}

func TestStaticEntryThatIsRemovedGivesUpItsHostAtOnce(t *testing.T) {
	draining := strings.ReplaceAll(entryA, "a.test", "a.test, drain: 300ms")
	r := followStatic(t, draining, entryB)
	write(t, r.path, strings.ReplaceAll(draining, "  a:", "  other:"), entryB)
	r.await(t, "file:other", upA)
	if a := r.spec("file:a"); len(a.Matches) != 0 || upstreamsText(a) != "http://10.0.0.7:80 signalled" {
		t.Errorf("a has the matches %v and the upstreams %q", a.Matches, upstreamsText(a))
	}
	r.await(t, "file:a", "")
	// What it was good for last is forgotten with it.
	write(t, r.path, strings.ReplaceAll(draining, "drain", "darin"), entryB)
	r.awaitStatus("a: the Target is not created", "!last good")
	r.await(t, "file:other", "")
}

func TestStaticEntryIsRemovedAndPutBack(t *testing.T) {
	r := followStatic(t, entryA, entryB)
	write(t, r.path, entryB)
	r.await(t, "file:a", "http://10.0.0.7:80 signalled")
	write(t, r.path, entryA, entryB)
	r.await(t, "file:a", upA)
	r.awaitHost("file:a", "a.test")
}

func TestStaticChangeOfNoMeaningIsNoWork(t *testing.T) {
	r := followStatic(t, entryA, entryB)
	read := r.static.Status().Read
	write(t, r.path, "# a comment\n", entryB, "  \"a\":\n    upstreams: [ 'http://10.0.0.7/' ]\n    host: A.test.\n")
	await(t, "the file to be read", func() bool { return r.static.Status().Read.After(read) })
	if calls, _ := r.count(); calls != 1 {
		t.Errorf("%d calls, want only the first", calls)
	}
}

func TestStaticFindingIsLoggedOnce(t *testing.T) {
	wrong := strings.ReplaceAll(entryA, "a.test", "a.test, wiat: 3s")
	r := followStatic(t, wrong)
	for _, host := range []string{"one.test", "two.test"} {
		write(t, r.path, wrong, strings.ReplaceAll(entryB, "b.test", host))
		r.awaitHost("file:b", host)
	}
	if n := strings.Count(r.log.String(), "is no option"); n != 1 {
		t.Errorf("it was logged %d times, want once:\n%s", n, r.log)
	}
}
