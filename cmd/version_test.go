package cmd

import (
	"encoding/json"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/rota-proxy/rota/admin"
)

func TestVersionOfABuild(t *testing.T) {
	info := &debug.BuildInfo{
		Main: debug.Module{Version: "v1.2.3"},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "4f2a91c0d3b54f2a91c0d3b5"}, {Key: "vcs.time", Value: "2026-03-01T12:00:00Z"},
			{Key: "vcs.modified", Value: "true"},
		},
	}
	platform := runtime.GOOS + "/" + runtime.GOARCH
	want := "rota v1.2.3 (4f2a91c0d3b5, modified), " + runtime.Version() + ", " + platform
	if got := versionLine(versionOf(info)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	want = "rota devel, " + runtime.Version() + ", " + platform
	for _, unversioned := range []string{"", "(devel)"} {
		if got := versionLine(versionOf(&debug.BuildInfo{Main: debug.Module{Version: unversioned}})); got != want {
			t.Errorf("without version: %q, want %q", got, want)
		}
	}
}

func TestVersionAsJSON(t *testing.T) {
	var got admin.Version
	if err := json.Unmarshal([]byte(execute(t, nil, "version", "--json").stdout), &got); err != nil {
		t.Fatal(err)
	}
	if got != buildVersion() || got.Go == "" {
		t.Errorf("got %+v, want %+v", got, buildVersion())
	}
}
