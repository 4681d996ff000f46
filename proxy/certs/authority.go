package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Authority signs certificates by itself, for development and for hosts that no
// public authority signs for. Its root is made when it is first needed and stays
// the same from then on. Only who trusts the root trusts what it signs.
//
// All methods may be called from any goroutine. Several processes may share a
// folder: they have one root.
type Authority struct {
	path string

	mu     sync.Mutex
	root   *tls.Certificate // nil: not needed yet, or not to be had
	leaves map[string]*tls.Certificate
}

// The lives of what is signed. A leaf is signed anew long before its end, so that
// clients whose clocks differ take it; a short life makes up for the lists of
// revoked ones that there are not.
const (
	rootLife   = 10 * 365 * 24 * time.Hour
	leafLife   = 7 * 24 * time.Hour
	renewAhead = 3 * 24 * time.Hour
	backdating = time.Hour
)

// maxLeaves bounds what is kept: behind a wildcard, clients may ask for as many
// names as they like.
const maxLeaves = 10_000

// NewAuthority is one that keeps its root in a folder, which is made when needed.
func NewAuthority(folder string) *Authority {
	return &Authority{path: filepath.Join(folder, "root.pem"), leaves: map[string]*tls.Certificate{}}
}

// Root is the certificate to trust. It is read, or made if there is none yet.
func (a *Authority) Root() (*x509.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	root, err := a.open()
	if err != nil {
		return nil, err
	}
	return root.Leaf, nil
}

// Leaf is a certificate for a host in normal form: a name or an address, IPv6 in
// brackets. It is valid for three days at least.
func (a *Authority) Leaf(host string) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	leaf, now := a.leaves[host], time.Now()
	if leaf != nil && now.Before(leaf.Leaf.NotAfter.Add(-renewAhead)) {
		return leaf, nil
	}
	root, err := a.open()
	if err != nil {
		return nil, err
	}
	if leaf, err = sign(root, leafFor(host, now)); err != nil {
		return nil, fmt.Errorf("internal authority: signing for %s: %w", host, err)
	}
	a.keep(host, leaf)
	return leaf, nil
}

// keep makes room by dropping any other: it is signed again when it is asked for.
func (a *Authority) keep(host string, leaf *tls.Certificate) {
	for other := range a.leaves {
		if len(a.leaves) < maxLeaves {
			break
		}
		delete(a.leaves, other)
	}
	a.leaves[host] = leaf
}

// open is the root. It is called under the lock.
func (a *Authority) open() (*tls.Certificate, error) {
	if a.root == nil {
		root, err := a.read()
		if errors.Is(err, fs.ErrNotExist) {
			root, err = a.found()
		}
		if err != nil {
			return nil, fmt.Errorf("internal authority: %w", err)
		}
		a.root = root
	}
	if end := a.root.Leaf.NotAfter; time.Now().After(end) {
		return nil, fmt.Errorf("internal authority: the root in %s expired on %s; remove the file, start rota again and trust the new one",
			a.path, end.UTC().Format(time.DateOnly))
	}
	return a.root, nil
}

func (a *Authority) read() (*tls.Certificate, error) {
	text, err := os.ReadFile(a.path)
	if err != nil {
		return nil, err
	}
	root, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.path, err)
	}
	if !root.Leaf.IsCA {
		return nil, fmt.Errorf("%s: the certificate is not that of an authority", a.path)
	}
	return &root, nil
}

// found makes the root, once: of several that try at the same time one succeeds,
// and the others read what it wrote.
func (a *Authority) found() (*tls.Certificate, error) {
	root, err := sign(nil, rootTemplate(time.Now()))
	if err != nil {
		return nil, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(root.PrivateKey)
	if err != nil {
		return nil, err
	}
	text := append(
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Leaf.Raw}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	err = createWhole(a.path, text)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return a.read()
}

// createWhole makes a secret file appear with all that is in it, or not at all.
// One that is there already is left alone, which is the error [fs.ErrExist].
func createWhole(path string, text []byte) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, ".new-*") // which only its owner may read
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Link(file.Name(), path)
}

// rootTemplate may sign for servers, and no further authorities. What hosts it
// signs for is not bounded: labels may name any.
func rootTemplate(now time.Time) *x509.Certificate {
	return &x509.Certificate{
		// Who has several must be able to tell them apart.
		Subject:               pkix.Name{Organization: []string{"rota"}, CommonName: "rota internal authority " + randomHex(4)},
		NotBefore:             now.Add(-backdating),
		NotAfter:              now.Add(rootLife),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

func randomHex(bytes int) string {
	text := make([]byte, bytes)
	_, _ = rand.Read(text) // never fails
	return hex.EncodeToString(text)
}

func leafFor(host string, now time.Time) *x509.Certificate {
	leaf := &x509.Certificate{
		NotBefore:             now.Add(-backdating),
		NotAfter:              now.Add(leafLife),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(strings.Trim(host, "[]")); ip != nil {
		leaf.IPAddresses = []net.IP{ip}
	} else {
		leaf.DNSNames = []string{host}
	}
	return leaf
}

// sign makes a key and a certificate for it; without a parent it signs itself.
func sign(parent *tls.Certificate, template *x509.Certificate) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	issuer, signer := template, any(key)
	if parent != nil {
		issuer, signer = parent.Leaf, parent.PrivateKey
		if template.NotAfter.After(issuer.NotAfter) {
			template.NotAfter = issuer.NotAfter
		}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, signer)
	if err != nil {
		return nil, err
	}
	made, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: made}, nil
}
