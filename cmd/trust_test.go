package cmd

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smallstep/truststore"

	"github.com/rota-proxy/rota/internal/testrig"
)

// purse is a trust store of a test's own.
type purse struct {
	trusted  []*x509.Certificate
	refusal  error
	browsers error
}

func (p *purse) store() trustStore {
	return trustStore{
		install: func(root *x509.Certificate) error {
			p.trusted = append(p.trusted, root)
			return p.refusal
		},
		uninstall: func(root *x509.Certificate) error {
			if len(p.trusted) > 0 && p.trusted[0].Equal(root) {
				p.trusted = nil
			}
			return p.refusal
		},
		browsers: func() error { return p.browsers },
	}
}

// trust runs the command on a store that is not this machine's.
func (p *purse) trust(t *testing.T, stdin []byte, args ...string) said {
	t.Helper()
	var stdout, stderr bytes.Buffer
	root := newRootCommand(nil)
	systems, _, err := root.Find([]string{trustName})
	if err != nil {
		t.Fatal(err)
	}
	root.RemoveCommand(systems)
	command := newTrustCommand(nil, p.store())
	countArgumentsAsUsage(command)
	root.AddCommand(command)
	root.SetIn(bytes.NewReader(stdin))
	code := executeRoot(t.Context(), root, append([]string{trustName}, args...), &stdout, &stderr)
	return said{code, stdout.String(), stderr.String()}
}

func rootPEM(t *testing.T, data string) ([]byte, *x509.Certificate) {
	t.Helper()
	got := execute(t, nil, rootName, "--data", data)
	block, rest := pem.Decode([]byte(got.stdout))
	if got.code != exitFine || block == nil || len(rest) > 0 {
		t.Fatalf("rota root: %+v", got)
	}
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(got.stdout), root
}

func TestTheRootIsTrustedAndNoLonger(t *testing.T) {
	data, p := t.TempDir(), &purse{}
	text, root := rootPEM(t, data)
	file := filepath.Join(t.TempDir(), "root.pem")
	put(t, file, text)
	for _, args := range [][]string{{"--data", data}, {"-"}, {file}} {
		if got := p.trust(t, text, args...); got.code != exitFine || !strings.Contains(got.stdout, root.Subject.CommonName+" is trusted") {
			t.Errorf("%v: %+v", args, got)
		}
		if len(p.trusted) != 1 || !p.trusted[0].Equal(root) {
			t.Errorf("%v: trusted are %v", args, p.trusted)
		}
		if got := p.trust(t, text, append(args, "--uninstall")...); got.code != exitFine || len(p.trusted) > 0 || !strings.Contains(got.stdout, "no longer trusted") {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

func TestWhatCannotBeTrusted(t *testing.T) {
	a := testrig.NewAuthority(t, "a")
	pair := a.Leaf(nil, "a.test")
	for what, c := range map[string]struct {
		stdin []byte
		args  string
		code  int
		words string
	}{
		"a leaf":    {pair.ChainPEM, "-", exitUsage, "not the certificate of an authority"},
		"a key":     {pair.KeyPEM, "-", exitUsage, "no certificate in the PEM form"},
		"nothing":   {nil, "-", exitUsage, "no certificate in the PEM form"},
		"no file":   {nil, "/nowhere/root.pem", exitUsage, "no such file"},
		"two files": {nil, "a b", exitUsage, "at most 1 arg"},
	} {
		p := &purse{}
		if got := p.trust(t, c.stdin, strings.Fields(c.args)...); got.code != c.code || !strings.Contains(got.stderr, c.words) || len(p.trusted) > 0 {
			t.Errorf("%s: %+v, trusted %v", what, got, p.trusted)
		}
	}
}

func TestWhyItCannotBeTrusted(t *testing.T) {
	failed := truststore.NewCmdError(errors.New("exit status 1"), exec.Command("update-ca-certificates"), []byte("no \x1b[2Jroom\n"))
	for _, c := range []struct {
		p     purse
		code  int
		words string
	}{
		{purse{refusal: truststore.ErrNotSupported}, exitFailed, "docker compose exec -T rota rota root | rota trust -"},
		{purse{refusal: failed}, exitFailed, "update-ca-certificates: exit status 1: no \ufffd[2Jroom\n"},
		{purse{browsers: errors.New("certutil is missing")}, exitFine, "left out: certutil is missing"},
	} {
		got := c.p.trust(t, nil, "--data", t.TempDir())
		if got.code != c.code || !strings.Contains(got.stdout+got.stderr, c.words) {
			t.Errorf("%+v: %+v", c.p, got)
		}
	}
}

func TestARootThatCannotBeKeptIsAnError(t *testing.T) {
	data := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(data, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := execute(t, nil, rootName, "--data", data); got.code != exitFailed || !strings.Contains(got.stderr, "internal authority") || got.stdout != "" {
		t.Errorf("%+v", got)
	}
}
