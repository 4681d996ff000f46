package spec

import (
	"strings"
	"testing"
)

func TestServerTLSIsHeldToItsRules(t *testing.T) {
	for _, c := range []struct {
		tls  ServerTLS
		want string
	}{
		{ServerTLS{}, ""},
		{ServerTLS{Certificate: "a", Min: TLS13, ClientCA: "staff", Plain: true}, ""},
		{ServerTLS{Certificate: "a", Min: 0x0301}, "TLS.Min"},
		{ServerTLS{Certificate: "a", HSTS: "max-age=1; preload"}, ""},
		{ServerTLS{Certificate: "a", HSTS: "max-age=1\r\nX: y"}, "TLS.HSTS"},
		{ServerTLS{ClientCA: "staff"}, "TLS.ClientCA"},
	} {
		target := NewTarget("x")
		target.TLS = c.tls
		err := target.Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.tls, err, c.want)
		}
		changed := target
		changed.TLS.Plain = !changed.TLS.Plain
		if target.EqualDefinition(changed) {
			t.Errorf("%+v: a change goes unnoticed", c.tls)
		}
	}
}
