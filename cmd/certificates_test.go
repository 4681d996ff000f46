package cmd

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
)

// mint makes a certificate and its key as PEM.
func mint(t *testing.T) (chain, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

func put(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestClientCertificatesAreFoundByName(t *testing.T) {
	outside, folder := t.TempDir(), t.TempDir()
	chain, key := mint(t)
	put(t, filepath.Join(folder, "pair.crt"), chain)
	put(t, filepath.Join(folder, "pair.key"), key)
	put(t, filepath.Join(folder, "both.v2.pem"), bytes.Join([][]byte{chain, key}, nil))
	put(t, filepath.Join(folder, "keyless.crt"), chain)
	put(t, filepath.Join(folder, "broken.pem"), []byte("no certificate"))
	put(t, filepath.Join(outside, "other.pem"), bytes.Join([][]byte{chain, key}, nil))
	if err := os.Symlink(filepath.Join(outside, "other.pem"), filepath.Join(folder, "linked.pem")); err != nil {
		t.Fatal(err)
	}
	find := clientCertificates(folder)
	for name, want := range map[string]bool{
		"pair": true, "both.v2": true,
		"keyless": false, "broken": false, "missing": false, "linked": false,
		"": false, "../" + filepath.Base(outside) + "/other": false, ".": false, ".hidden": false, "a/b": false, "pair\x00": false,
	} {
		certificate, err := find(name)
		if found := err == nil; found != want || found != (certificate != nil) {
			t.Errorf("%q: %v, %v", name, certificate != nil, err)
		}
	}
}

func TestWithoutFolderThereAreNoClientCertificates(t *testing.T) {
	if _, err := clientCertificates("")("pair"); err == nil {
		t.Error("a certificate was found in no folder")
	}
}
