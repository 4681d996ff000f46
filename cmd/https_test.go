package cmd

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rota-proxy/rota/internal/testrig"
)

// secure asks for a host over https; the error is that of the handshake.
func (r *rota) secure(a *testrig.Authority, host string, pairs ...testrig.Pair) (string, error) {
	r.t.Helper()
	config := &tls.Config{RootCAs: a.Pool()}
	for _, pair := range pairs {
		config.Certificates = append(config.Certificates, pair.Certificate)
	}
	addr := r.entry(entryHTTPS)
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		}}
	client := http.Client{Timeout: 10 * time.Second, Transport: transport}
	response, err := client.Get("https://" + host + "/")
	if err != nil {
		return "", err.(*url.Error).Err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return fmt.Sprintf("%s %d %s", response.Proto, response.StatusCode, body), err
}

func putPair(t *testing.T, folder, name string, pair testrig.Pair) {
	t.Helper()
	put(t, filepath.Join(folder, name+".crt"), pair.ChainPEM)
	put(t, filepath.Join(folder, name+".key"), pair.KeyPEM)
}

// A static Target gets its certificate while rota runs; until then it is said what
// is missing.
func TestServeOverHTTPS(t *testing.T) {
	a, staff, folder := testrig.NewAuthority(t, "a"), testrig.NewAuthority(t, "staff"), t.TempDir()
	file := routes(t, inFolder(t), fmt.Sprintf(`
  web: { host: web.test, tls: web, upstreams: [ %[1]s ] }
  desk: { host: desk.test, tls: web, tls.client-ca: staff, redirect: off, upstreams: [ %[1]s ] }
  old: { host: old.test, upstreams: [ %[1]s ] }
`, backendCalled(t, "web")))
	r := serve(t, "off", "--file", file, "--certs", folder)
	if got, err := r.secure(a, "web.test"); err == nil {
		t.Errorf("without a certificate: %s", got)
	}
	page := execute(t, nil, "ps", "--data", r.data).stdout
	for _, words := range []string{"neither web.crt nor web.pem", "put web.crt and web.key into " + folder, "tls.client-ca lets nobody in", "closed"} {
		if !strings.Contains(page, words) {
			t.Errorf("ps does not say %q:\n%s", words, page)
		}
	}
	putPair(t, folder, "web", a.Leaf(nil, "web.test", "desk.test"))
	put(t, filepath.Join(folder, "staff.crt"), staff.RootPEM())
	await(t, "the certificate", func() bool {
		got, _ := r.secure(a, "web.test")
		return got == "HTTP/2.0 200 web /"
	})
	await(t, "the authority", func() bool {
		got, _ := r.secure(a, "desk.test", staff.Leaf(nil))
		return got == "HTTP/2.0 200 web /"
	})
	for _, host := range []string{"desk.test", "old.test", "unknown.test"} {
		if got, err := r.secure(a, host); err == nil {
			t.Errorf("%s is served: %s", host, got)
		}
	}
	if page := execute(t, nil, "ps", "--data", r.data).stdout; strings.Contains(page, "certificate") || strings.Contains(page, "closed") {
		t.Errorf("ps says\n%s", page)
	}
	status, _ := r.get("old.test", "/")
	if status != http.StatusOK {
		t.Errorf("a Target without tls gets %d over http", status)
	}
}

// The default address is done without where it cannot be had, one that was asked
// for is not.
func TestServeWithoutTheDefaultHTTPS(t *testing.T) {
	taken, err := net.Listen("tcp", ":443")
	if err != nil {
		t.Skipf("port 443 is not for tests here: %v", err)
	}
	defer taken.Close()
	file := routes(t, inFolder(t), fmt.Sprintf("  web: { host: web.test, tls: web, upstreams: [ %s ] }\n", backendCalled(t, "web")))
	args := []string{"--docker", "off", "--file", file, "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir()}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	log := &testrig.Output{}
	if code := Execute(ctx, args, nil, io.Discard, log); code != exitFine || !strings.Contains(log.String(), "HTTPS is not taken in") ||
		!strings.Contains(log.String(), "start rota with --https :443") {
		t.Errorf("exit code %d; the log is %s", code, log)
	}
	got := execute(t, nil, append(args, "--https", ":443")...)
	if got.code != exitFailed || !strings.Contains(got.stderr, ":443 is taken by another process") {
		t.Errorf("exit code %d, said %q", got.code, got.stderr)
	}
	got = execute(t, nil, append(args, "--http=")...)
	if got.code != exitFailed || !strings.Contains(got.stderr, ":443 is taken by another process") {
		t.Errorf("with nothing else exit code %d, said %q", got.code, got.stderr)
	}
}

// One word serves a Target over https, by an authority whose root stays.
func TestServeWithTheInternalAuthority(t *testing.T) {
	file := routes(t, inFolder(t), fmt.Sprintf(`
  web: { host: "web.localhost, *.wild.test", tls: internal, upstreams: [ %[1]s ] }
  other: { host: other.test, tls: auto, upstreams: [ %[1]s ] }
`, backendCalled(t, "web")))
	r := serve(t, "off", "--file", file)
	_, root := rootPEM(t, r.data)
	trusting := &testrig.Authority{Root: root}
	for _, host := range []string{"web.localhost", "other.test", "deep.down.wild.test"} {
		if got, err := r.secure(trusting, host); got != "HTTP/2.0 200 web /" {
			t.Errorf("%s: %q, %v", host, got, err)
		}
	}
	if got, err := r.secure(trusting, "unknown.test"); err == nil {
		t.Errorf("a host that nobody has is served: %s", got)
	}
	if page := execute(t, nil, "ps", "--data", r.data).stdout; strings.Contains(page, "authority") {
		t.Errorf("ps says\n%s", page)
	}
}
