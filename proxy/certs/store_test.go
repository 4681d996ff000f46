package certs

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/rota-proxy/rota/internal/testrig"
	"github.com/rota-proxy/rota/proxy/spec"
)

func hosts(t *testing.T, rules ...string) []spec.Host {
	t.Helper()
	all := make([]spec.Host, len(rules))
	for i, rule := range rules {
		host, err := spec.ParseHost(rule)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = host
	}
	return all
}

func TestFaultsOfCertificates(t *testing.T) {
	a := testrig.NewAuthority(t, "root")
	late := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	early := func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }
	f := follow(t, func(f *folder) {
		f.putPair("a", a.Leaf(nil, "a.test", "*.w.test", "192.0.2.1"))
		f.putPair("late", a.Leaf(late, "a.test"))
		f.putPair("early", a.Leaf(early, "a.test"))
		f.putPair("nameless", a.Leaf(nil))
		f.put("root.crt", a.RootPEM())
		f.put("broken.crt", []byte("x"))
	})
	s := &Store{Files: f.Files}
	for _, c := range []struct {
		asked spec.ServerTLS
		hosts []spec.Host
		want  string // code: a piece of the text
	}{
		{spec.ServerTLS{Certificate: "a"}, hosts(t, "a.test", "x.w.test", "*.w.test", "192.0.2.1", "{x:[a-z]+}.q.test"), ""},
		{spec.ServerTLS{Certificate: "a", ClientCA: "root"}, hosts(t, "a.test"), ""},
		{spec.ServerTLS{Certificate: "a"}, hosts(t, "a.test", "b.test"), `certificate-mismatch: is not for b.test but for "a.test, *.w.test, 192.0.2.1"`},
		{spec.ServerTLS{Certificate: "a"}, hosts(t, "x.y.w.test"), "certificate-mismatch: "},
		{spec.ServerTLS{Certificate: "a"}, hosts(t, "*.b.test"), "certificate-mismatch: is not for *.b.test"},
		{spec.ServerTLS{Certificate: "nameless"}, hosts(t, "a.test"), "certificate-mismatch: no host at all"},
		{spec.ServerTLS{Certificate: "late"}, hosts(t, "a.test"), "certificate-expired: expired on "},
		{spec.ServerTLS{Certificate: "early"}, hosts(t, "a.test"), "certificate-expired: is not valid before "},
		{spec.ServerTLS{Certificate: "none"}, nil, "certificate-missing: neither none.crt nor none.pem"},
		{spec.ServerTLS{Certificate: "broken"}, nil, "certificate-unreadable: private key"},
		{spec.ServerTLS{Certificate: "root"}, nil, "certificate-unreadable: private key"},
		{spec.ServerTLS{Certificate: "a", ClientCA: "broken"}, hosts(t, "a.test"), "client-ca-unreadable: lets nobody in"},
		{spec.ServerTLS{Certificate: "a", ClientCA: "none"}, hosts(t, "a.test"), "client-ca-unreadable: neither"},
	} {
		code, text, _ := strings.Cut(c.want, ": ")
		faults := s.Faults(c.asked, c.hosts)
		switch {
		case c.want == "" && len(faults) == 0:
		case len(faults) != 1 || string(faults[0].Code) != code || !strings.Contains(faults[0].Text, text):
			t.Errorf("%+v: %+v, want %q", c.asked, faults, c.want)
		case !faults[0].Grave || !strings.Contains(faults[0].Fix, f.path):
			t.Errorf("%+v: %+v is not grave or has no remedy", c.asked, faults[0])
		}
	}
}

func TestAnEarlierCertificateInUseIsNotGrave(t *testing.T) {
	f := follow(t, func(f *folder) { f.putPair("a", testrig.NewAuthority(t, "root").Leaf(nil, "a.test")) })
	f.put("a.crt", []byte("x"))
	testrig.Eventually(t, "the fault", func() bool { return f.PairFault("a") != nil })
	faults := (&Store{Files: f.Files}).Faults(spec.ServerTLS{Certificate: "a"}, hosts(t, "a.test"))
	if len(faults) != 1 || faults[0].Grave || faults[0].Code != spec.FaultCertificateBad || !strings.Contains(faults[0].Text, "earlier") {
		t.Errorf("%+v", faults)
	}
}

func TestTheRemedyWithoutAFolderIsOne(t *testing.T) {
	files, err := OpenFiles("", zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	faults := (&Store{Files: files}).Faults(spec.ServerTLS{Certificate: "a"}, nil)
	if len(faults) != 1 || faults[0].Code != spec.FaultCertificateMissing || faults[0].Fix != "put a.crt and a.key into a folder and start rota with --certs FOLDER" {
		t.Errorf("%+v", faults)
	}
}

func TestFaultsOfTheInternalAuthority(t *testing.T) {
	folder := t.TempDir()
	files, err := OpenFiles("", zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	s := &Store{Files: files, Authority: NewAuthority(folder)}
	asked := spec.ServerTLS{Certificate: spec.CertInternal}
	if err := os.WriteFile(filepath.Join(folder, "root.pem"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	faults := s.Faults(asked, hosts(t, "a.test"))
	if len(faults) != 1 || faults[0].Code != spec.FaultAuthority || !faults[0].Grave || !strings.Contains(faults[0].Fix, "--data") {
		t.Errorf("%+v", faults)
	}
	if err := os.Remove(filepath.Join(folder, "root.pem")); err != nil {
		t.Fatal(err)
	}
	if faults := s.Faults(asked, hosts(t, "a.test", "*.b.test")); len(faults) > 0 {
		t.Errorf("%+v", faults)
	}
}
