package admin

import (
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/rota-proxy/rota/discovery"
)

// fixedFile is a file of static Targets that does not change.
type fixedFile discovery.StaticStatus

func (f fixedFile) Status() discovery.StaticStatus { return discovery.StaticStatus(f) }

func TestFilesAreShownBesideContainersAndTargets(t *testing.T) {
	read := time.Now().Truncate(time.Second)
	addr := start(t, Options{Targets: fixedTargets{}, Files: []File{fixedFile{
		Path: "/etc/rota/routes.yml", Targets: 2, Read: read, Error: "/etc/rota/routes.yml: no such file or directory",
		Reasons: []discovery.Reason{{Code: discovery.CodeBadOption, Severity: discovery.Error, Text: "4:5: hots is no option", Fix: "write host"}},
	}}})
	want := []FileView{{
		Path: "/etc/rota/routes.yml", Targets: 2, Error: "/etc/rota/routes.yml: no such file or directory",
		Reasons: []ReasonView{{Code: "bad-option", Step: "labels", Severity: "error", Text: "4:5: hots is no option", Fix: "write host"}},
	}}
	var containers ContainersAnswer
	fetch(t, addr, pathContainers, http.StatusOK, &containers)
	var targets TargetsAnswer
	fetch(t, addr, pathTargets, http.StatusOK, &targets)
	for path, got := range map[string][]FileView{pathContainers: containers.Files, pathTargets: targets.Files} {
		if len(got) != 1 || got[0].Read == nil || !got[0].Read.Equal(read) {
			t.Fatalf("%s: the files read %+v", path, got)
		}
		got[0].Read = nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the files read %+v, want %+v", path, got, want)
		}
	}
}

// Without an engine a file is all there is to wait for, and it has been read.
func TestFileAloneIsReady(t *testing.T) {
	addr := start(t, Options{Targets: fixedTargets{}, Files: []File{fixedFile{Error: "gone"}}})
	var readiness Readiness
	if fetch(t, addr, pathReady, http.StatusOK, &readiness); !readiness.Ready || len(readiness.Engines) != 0 {
		t.Errorf("the readiness is %+v", readiness)
	}
}
