package discovery

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rota-proxy/rota/internal/testrig"
)

// overTCP relays connections of a listener to an engine's socket.
func overTCP(t *testing.T, listener net.Listener, e *testrig.Engine) {
	t.Helper()
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			outer, err := listener.Accept()
			if err != nil {
				return
			}
			inner, err := net.Dial("unix", strings.TrimPrefix(e.Host(), "unix://"))
			if err != nil {
				_ = outer.Close()
				continue
			}
			go func() { _, _ = io.Copy(inner, outer); _ = inner.Close() }()
			go func() { _, _ = io.Copy(outer, inner); _ = outer.Close() }()
		}
	}()
}

// watchHost runs a Watcher by DOCKER_HOST and waits for container a.
func watchHost(t *testing.T, host string) {
	t.Helper()
	t.Setenv("DOCKER_HOST", host)
	seen := newRecorder()
	w, err := NewWatcher(Options{Publish: seen.publish})
	if err != nil {
		t.Fatal(err)
	}
	w.traces = func() traces { return traces{} }
	startWatcher(t, w)
	select {
	case <-w.Synced():
	case <-time.After(20 * time.Second):
		t.Fatalf("not synced: %+v", w.Status())
	}
	if w.Status().Host != host || len(w.Containers()) != 1 {
		t.Errorf("%+v", w.Status())
	}
}

func TestDialTCP(t *testing.T) {
	e := testrig.NewEngine(t)
	e.Put(box("a"))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	overTCP(t, listener, e)
	watchHost(t, "tcp://"+listener.Addr().String())
}

// TestDialTLS: the files of DOCKER_CERT_PATH are used, both ways.
func TestDialTLS(t *testing.T) {
	e := testrig.NewEngine(t)
	e.Put(box("a"))
	folder, pair, pool := certificates(t)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
	})
	if err != nil {
		t.Fatal(err)
	}
	overTCP(t, listener, e)
	t.Setenv("DOCKER_CERT_PATH", folder)
	t.Setenv("DOCKER_TLS_VERIFY", "1")
	watchHost(t, "tcp://"+listener.Addr().String())
}

// TestCertificatesAreNotForSockets: TLS files in the environment do not make
// https of a unix socket.
func TestCertificatesAreNotForSockets(t *testing.T) {
	e := testrig.NewEngine(t)
	e.Put(box("a"))
	folder, _, _ := certificates(t)
	t.Setenv("DOCKER_CERT_PATH", folder)
	watchHost(t, e.Host())
}

func TestMissingCertificates(t *testing.T) {
	t.Setenv("DOCKER_CERT_PATH", t.TempDir())
	if _, err := NewWatcher(Options{Engine: EngineOptions{Host: "tcp://127.0.0.1:2376"}}); err == nil || !strings.Contains(err.Error(), ".pem") {
		t.Errorf("error %v, want one that names the file", err)
	}
}

// certificates writes one self-signed pair that is authority, server and client
// in one, as ca.pem, cert.pem and key.pem.
func certificates(t *testing.T) (folder string, pair tls.Certificate, pool *x509.CertPool) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(err)
	private, err := x509.MarshalECPrivateKey(key)
	must(err)
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})
	folder = t.TempDir()
	for name, content := range map[string][]byte{"ca.pem": certPEM, "cert.pem": certPEM, "key.pem": keyPEM} {
		must(os.WriteFile(filepath.Join(folder, name), content, 0o600))
	}
	pair, err = tls.X509KeyPair(certPEM, keyPEM)
	must(err)
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return folder, pair, pool
}
