package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// rig is what all scenarios of a run share: the engine and the images.
type rig struct {
	engine    *engine
	run       string // tells the names of this run from those of others
	rotaImage string
	appImage  string
	tools     []composeTool
}

// newRig skips, or with ROTA_E2E=required fails, where the scenarios cannot be
// played. What it makes is removed at the end.
func newRig(tb testing.TB) *rig {
	tb.Helper()
	wanted := os.Getenv("ROTA_E2E")
	if wanted == "off" {
		tb.Skip("ROTA_E2E=off: the scenarios on a real engine are not wanted")
	}
	giveUp := tb.Skipf
	if wanted == "required" {
		giveUp = tb.Fatalf
	}
	e, err := connect(tb.Context())
	if err != nil {
		giveUp("no engine to play the scenarios on: %v", err)
	}
	tools := composeTools(tb.Context())
	if len(tools) == 0 {
		giveUp("neither docker-compose nor docker compose is installed")
	}
	r := &rig{engine: e, run: fmt.Sprintf("rota-e2e-%x", time.Now().UnixMilli()), tools: tools}
	r.makeImages(tb)
	return r
}

func (r *rig) makeImages(tb testing.TB) {
	tb.Helper()
	folder := tb.TempDir()
	r.appImage = r.makeImage(tb, "app", appProgram(), folder)
	if r.rotaImage = os.Getenv("ROTA_E2E_IMAGE"); r.rotaImage == "" {
		r.rotaImage = r.makeImage(tb, "rota", rotaProgram(), folder)
	}
}

func (r *rig) makeImage(tb testing.TB, kind string, p program, folder string) string {
	tb.Helper()
	tag := r.run + "/" + kind
	if err := p.image(tb.Context(), r.engine, tag, folder); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.engine.removeImage(context.Background(), tag); err != nil {
			tb.Errorf("an image stays behind: %v", err)
		}
	})
	return tag
}

// host is where a service of this run is asked for. Whatever else runs on the
// engine may claim any usual name.
func (r *rig) host(service string) string { return service + "." + r.run + ".test" }

// eventually asks until there is no complaint any more, and fails with the last
// one when that takes too long.
func eventually(tb testing.TB, within time.Duration, complaint func() string) {
	tb.Helper()
	deadline := time.Now().Add(within)
	for {
		last := complaint()
		if last == "" {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("not within %s: %s", within, last)
		}
		dwell(tb, 50*time.Millisecond)
	}
}

// dwell lets time pass that is part of a scenario.
func dwell(tb testing.TB, d time.Duration) {
	tb.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-tb.Context().Done():
		tb.Fatal("the test ended meanwhile")
	}
}

// must fails the scenario when an operation did.
func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// indented sets quoted output apart in a report.
func indented(text string) string {
	return "\n    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
}
