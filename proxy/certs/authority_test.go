package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rota-proxy/rota/internal/testrig"
)

func rootOf(t *testing.T, a *Authority) *x509.Certificate {
	t.Helper()
	root, err := a.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func leafOf(t *testing.T, a *Authority, host string) *tls.Certificate {
	t.Helper()
	leaf, err := a.Leaf(host)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

// trusting is a pool of one.
func trusting(root *x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(root)
	return pool
}

// A client that trusts the root, and nothing else, connects by names and addresses.
func TestWhoTrustsTheRootTrustsTheLeaves(t *testing.T) {
	a := NewAuthority(t.TempDir())
	for _, c := range []struct{ host, name string }{
		{"a.localhost", "a.localhost"}, {"a_b.test", "a_b.test"}, {"shop.example.com", "shop.example.com"},
		{"192.0.2.1", "192.0.2.1"}, {"[2001:db8::1]", "2001:db8::1"},
	} {
		leaf := leafOf(t, a, c.host)
		inside, outside := net.Pipe()
		served := make(chan error, 1)
		go func() {
			defer inside.Close()
			served <- tls.Server(inside, &tls.Config{Certificates: []tls.Certificate{*leaf}}).Handshake()
		}()
		client := tls.Client(outside, &tls.Config{RootCAs: trusting(rootOf(t, a)), ServerName: c.name})
		if err := client.Handshake(); err != nil {
			t.Errorf("%s: %v", c.host, err)
		}
		outside.Close()
		testrig.Await(t, "the server", served)
		if err := leaf.Leaf.VerifyHostname("b.localhost"); err == nil {
			t.Errorf("the certificate for %s is one for b.localhost, too", c.host)
		}
	}
}

// What is signed can do no more than it is for.
func TestWhatTheAuthoritySigns(t *testing.T) {
	a := NewAuthority(t.TempDir())
	root, leaf := rootOf(t, a), leafOf(t, a, "a.test").Leaf
	if !root.IsCA || root.MaxPathLen != 0 || !root.MaxPathLenZero || root.KeyUsage != x509.KeyUsageCertSign {
		t.Errorf("the root is %+v", root)
	}
	if leaf.IsCA || time.Until(leaf.NotAfter) > 7*24*time.Hour || len(leaf.ExtKeyUsage) != 1 || leaf.ExtKeyUsage[0] != x509.ExtKeyUsageServerAuth {
		t.Errorf("the leaf is %+v", leaf)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: trusting(root), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}})
	if err == nil {
		t.Error("the leaf may sign programs")
	}
}

// A leaf is kept for as long as it is good, and never shown near its end.
func TestLeavesAreSignedAnewBeforeTheirEnd(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a := NewAuthority(folder)
		first := leafOf(t, a, "a.test")
		time.Sleep(leafLife - renewAhead - time.Second)
		if leafOf(t, a, "a.test") != first {
			t.Error("a good one is not used again")
		}
		for range 20 {
			time.Sleep(time.Second + 24*time.Hour)
			leaf := leafOf(t, a, "a.test")
			if leaf == first || time.Until(leaf.Leaf.NotAfter) < renewAhead {
				t.Fatalf("one is shown that ends on %v", leaf.Leaf.NotAfter)
			}
		}
		time.Sleep(rootLife)
		if _, err := a.Leaf("a.test"); err == nil || !strings.Contains(err.Error(), "expired") {
			t.Errorf("with an expired root the error is %v", err)
		}
	})
}

func TestTheRootStays(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "deep", "down")
	root := rootOf(t, NewAuthority(folder))
	again := NewAuthority(folder)
	if !rootOf(t, again).Equal(root) {
		t.Error("another start, another root")
	}
	if _, err := leafOf(t, again, "a.test").Leaf.Verify(x509.VerifyOptions{Roots: trusting(root)}); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v (%v)", entries, err)
	}
	for path, want := range map[string]fs.FileMode{folder: 0o700, filepath.Join(folder, "root.pem"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s may be used by others: %v (%v)", path, info.Mode(), err)
		}
	}
}

// Several processes with one folder agree on a root, whoever is first.
func TestOneFolderHasOneRoot(t *testing.T) {
	folder := t.TempDir()
	var all sync.WaitGroup
	roots := make([]*x509.Certificate, 8)
	for i := range roots {
		all.Go(func() { roots[i], _ = NewAuthority(folder).Root() })
	}
	all.Wait()
	for _, root := range roots {
		if root == nil || !root.Equal(roots[0]) {
			t.Fatalf("there are several roots: %v and %v", root, roots[0])
		}
	}
}

// What is in the folder is never replaced by something else.
func TestARootThatCannotBeUsedIsAnError(t *testing.T) {
	pair := testrig.NewAuthority(t, "another").Leaf(nil, "a.test")
	for what, text := range map[string][]byte{
		"half a file": []byte("-----BEGIN CERT"),
		"a leaf":      append(pair.ChainPEM, pair.KeyPEM...),
		"no key":      pair.ChainPEM,
	} {
		folder := t.TempDir()
		path := filepath.Join(folder, "root.pem")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := NewAuthority(folder).Leaf("a.test"); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: the error is %v", what, err)
		}
		if now, err := os.ReadFile(path); err != nil || string(now) != string(text) {
			t.Errorf("%s: the file was changed", what)
		}
	}
}

// It works as soon as it can.
func TestAFolderThatCannotBeMadeYet(t *testing.T) {
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a := NewAuthority(filepath.Join(blocked, "authority"))
	if _, err := a.Leaf("a.test"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the error is %v", err)
	}
	if err := os.Remove(blocked); err != nil {
		t.Fatal(err)
	}
	leafOf(t, a, "a.test")
}

func TestNamesAreNotKeptWithoutBound(t *testing.T) {
	a := NewAuthority(t.TempDir())
	leaf := leafOf(t, a, "a.test")
	for i := range maxLeaves + 10 {
		a.keep(fmt.Sprintf("%d.test", i), leaf)
	}
	if len(a.leaves) != maxLeaves {
		t.Errorf("%d are kept", len(a.leaves))
	}
}
