package e2e

import (
	"net"
	"testing"
	"time"
)

func TestJudgePosts(t *testing.T) {
	noon := time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
	at := func(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }
	got := func(id, instance string) report {
		return report{Kind: "got", Request: id, Instance: instance, Method: "POST"}
	}
	answered := func(id, instance string) report {
		return report{Kind: "answered", Request: id, Instance: instance, Method: "POST"}
	}
	const broken = 502
	failed := func(status, from, to int) *sent {
		return &sent{id: "p", start: at(from), end: at(to), status: status, failure: "failed"}
	}
	fine := &sent{id: "p", start: at(0), end: at(5), status: 200}
	died := []death{{instance: "one", at: at(100)}}

	for name, c := range map[string]struct {
		post    *sent
		reports []report
		deaths  []death
		want    string
	}{
		"answered":                         {fine, []report{got("p", "one")}, nil, ""},
		"answered and received twice":      {fine, []report{got("p", "one"), got("p", "two")}, nil, "twice"},
		"answered and reported by nobody":  {fine, nil, nil, "unseen"},
		"at the process that died":         {failed(broken, 90, 105), []report{got("p", "one")}, died, "excused"},
		"in the socket of one that died":   {failed(broken, 90, 105), nil, died, "excused"},
		"at another process":               {failed(broken, 90, 105), []report{got("p", "two")}, died, "lost"},
		"answered before the process died": {failed(broken, 90, 105), []report{got("p", "one"), answered("p", "one")}, died, "lost"},
		"over before anybody died":         {failed(broken, 10, 45), []report{got("p", "one")}, died, "lost"},
		"sent after it died":               {failed(broken, 111, 140), nil, died, "lost"},
		"nobody died":                      {failed(broken, 90, 105), nil, nil, "lost"},
		"never written":                    {failed(503, 90, 105), nil, died, "lost"},
		"no answer at all":                 {failed(0, 90, 105), nil, died, "lost"},
	} {
		t.Run(name, func(t *testing.T) {
			v := judgePosts([]*sent{c.post}, c.reports, c.deaths)
			counts := map[string]int{"twice": len(v.twice), "unseen": len(v.unseen), "excused": len(v.excused), "lost": len(v.lost)}
			for kind, n := range counts {
				if want := kind == c.want; (n == 1) != want {
					t.Errorf("%s: %d", kind, n)
				}
			}
		})
	}
}

func TestCollectorKeepsWhatIsReported(t *testing.T) {
	c, err := newCollector()
	must(t, err)
	t.Cleanup(c.close)
	app, err := net.Dial("udp", "127.0.0.1:"+c.port())
	must(t, err)
	t.Cleanup(func() { _ = app.Close() })
	lifeline, err := net.Dial("tcp", "127.0.0.1:"+c.port())
	must(t, err)
	_, err = lifeline.Write([]byte("one\n"))
	must(t, err)
	for _, datagram := range []string{
		`{"Kind":"got","Instance":"one","Request":"POST-1","Method":"POST","At":1000000007}`,
		`noise`,
		`{"Kind":"answered","Instance":"one","Request":"POST-1","Method":"POST","At":2000000000}`,
	} {
		_, err := app.Write([]byte(datagram))
		must(t, err)
	}
	reports, err := c.all()
	must(t, err)
	if len(reports) != 2 {
		t.Fatalf("%d reports instead of 2: %v", len(reports), reports)
	}
	if want := (report{Kind: "got", Instance: "one", Request: "POST-1", Method: "POST", At: 1000000007}); reports[0] != want {
		t.Errorf("got %+v, want %+v", reports[0], want)
	}
	if deaths := c.deaths(); len(deaths) > 0 {
		t.Errorf("deaths before anybody died: %+v", deaths)
	}
	before := time.Now()
	must(t, lifeline.Close())
	eventually(t, 5*time.Second, func() string {
		if len(c.deaths()) == 0 {
			return "the death is not seen"
		}
		return ""
	})
	if d := c.deaths()[0]; d.instance != "one" || d.at.Before(before) {
		t.Errorf("got %+v for a death of one after %s", d, before)
	}
	c.forget()
	if reports, err := c.all(); err != nil || len(reports) != 0 {
		t.Errorf("after forget: %v, %v", reports, err)
	}
}
