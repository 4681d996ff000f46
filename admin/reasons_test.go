package admin

import (
	"testing"

	"github.com/rota-proxy/rota/discovery"
	"github.com/rota-proxy/rota/proxy/spec"
)

// The states of an Upstream are codes of findings, ready alone is not.
func TestEveryStateIsACode(t *testing.T) {
	for state := spec.Starting; state <= spec.Gone; state++ {
		step := discovery.Code(state.String()).Step()
		if is := step == discovery.StepRotation; is != (state != spec.Ready) {
			t.Errorf("%v stands in step %q", state, step)
		}
	}
}
