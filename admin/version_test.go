package admin

import (
	"net/http"
	"testing"
)

func TestVersionIsTheOneGiven(t *testing.T) {
	want := Version{Version: "v1.2.3", Revision: "4f2a", Go: "go1.26.0", Platform: "linux/amd64"}
	addr := start(t, Options{Version: want})
	var got Version
	fetch(t, addr, pathVersion, http.StatusOK, &got)
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
