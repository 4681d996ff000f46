package discovery

import (
	"fmt"
	"testing"
	"time"

	"github.com/rota-proxy/rota/discovery/labels"
)

// BenchmarkEvent is what taking in one inspected container costs, among few and
// among many: it should not matter.
func BenchmarkEvent(b *testing.B) {
	for _, n := range [...]int{100, 10_000} {
		b.Run(fmt.Sprintf("containers=%d", n), func(b *testing.B) {
			hosts, err := newHostTemplate("")
			if err != nil {
				b.Fatal(err)
			}
			v := newInventory(labels.Options{}, assembler{Engine: "docker", Hosts: hosts, Outlook: proxyOn("172.17.0.1/16")})
			for i := range n {
				v.put(running(fmt.Sprintf("c%05d", i), map[string]string{"rota.host": fmt.Sprintf("h%d.test", i)}), true)
			}
			v.assemble(time.Unix(0, 0))
			v.tell(func(string, *Verdict) {})
			c := v.containers["c00042"].container
			b.ReportAllocs()
			for b.Loop() {
				c.StartedAt = c.StartedAt.Add(1)
				v.put(c, true)
				if changed := v.assemble(time.Unix(0, 0)); len(changed) != 1 {
					b.Fatalf("%d Targets changed", len(changed))
				}
				v.tell(func(string, *Verdict) {})
			}
		})
	}
}
