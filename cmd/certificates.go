package cmd

import (
	"crypto/tls"
	"fmt"
	"os"
	"regexp"
)

// certificateName is what a label may call a client certificate: never a path.
var certificateName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$`)

// clientCertificates finds the client certificates of a folder by name:
// NAME.crt with NAME.key, or NAME.pem that holds both. It reads the files anew
// each time, so that renewed ones count from the next TLS handshake on. Without
// a folder there are none. Names come from labels: nothing outside the
// folder can be named, not even through a link.
func clientCertificates(folder string) func(name string) (*tls.Certificate, error) {
	return func(name string) (*tls.Certificate, error) {
		if folder == "" {
			return nil, fmt.Errorf("client certificate %q: rota was started without --certs", name)
		}
		if !certificateName.MatchString(name) {
			return nil, fmt.Errorf("client certificate %q: this is not a name", name)
		}
		certificate, err := readCertificate(folder, name)
		if err != nil {
			return nil, fmt.Errorf("reading client certificate %q: %w", name, err)
		}
		return certificate, nil
	}
}

func readCertificate(folder, name string) (*tls.Certificate, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	chain, err := root.ReadFile(name + ".crt")
	key := []byte(nil)
	if err == nil {
		key, err = root.ReadFile(name + ".key")
	} else if both, pemErr := root.ReadFile(name + ".pem"); pemErr == nil {
		chain, key, err = both, both, nil
	}
	if err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair(chain, key)
	return &certificate, err
}
