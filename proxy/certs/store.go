// Package certs is where the certificates come from that the proxy shows to
// clients: from files of the operator's, or from an authority of its own. A [Store]
// finds the one that a Target asks for, and says what is wrong if there is none.
package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rota-proxy/rota/proxy/spec"
)

// Store finds certificates by what a Target's tls option says. All methods may
// be called from any goroutine.
type Store struct {
	// Files are the operator's own.
	Files *Files
	// Authority signs for Targets that ask for [spec.CertInternal].
	Authority *Authority
}

// Certificate is the one to show to who asks for host.
func (s *Store) Certificate(choice, host string, _ *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if internal(choice) {
		return s.Authority.Leaf(host)
	}
	return s.Files.Pair(choice)
}

// internal says whether the proxy's own authority signs.
func internal(choice string) bool { return choice == spec.CertInternal || choice == spec.CertAuto }

// ClientCA are the authorities for the certificates of clients.
func (s *Store) ClientCA(name string) ([]*x509.Certificate, error) { return s.Files.Roots(name) }

// Faults are what is wrong with serving hosts that way.
func (s *Store) Faults(asked spec.ServerTLS, hosts []spec.Host) []spec.Fault {
	var faults []spec.Fault
	if _, err := s.ClientCA(asked.ClientCA); asked.ClientCA != "" && err != nil {
		faults = append(faults, spec.Fault{
			Code: spec.FaultClientCA, Grave: true, Closes: true,
			Text: "tls.client-ca lets nobody in: " + err.Error(), Fix: s.put(asked.ClientCA, ".crt"),
		})
	}
	if internal(asked.Certificate) {
		return append(faults, s.ofAuthority()...)
	}
	return append(faults, s.ofFile(asked.Certificate, hosts)...)
}

// ofAuthority are the faults of what the internal authority signs.
func (s *Store) ofAuthority() []spec.Fault {
	_, err := s.Authority.Root()
	if err == nil {
		return nil
	}
	return []spec.Fault{{
		Code: spec.FaultAuthority, Grave: true,
		Text: "https is refused: " + err.Error(), Fix: "start rota with --data FOLDER, one that it may write to and that stays",
	}}
}

// ofFile are the faults of a certificate of the operator's.
func (s *Store) ofFile(name string, hosts []spec.Host) []spec.Fault {
	var faults []spec.Fault
	pair, err := s.Files.Pair(name)
	fault := s.Files.PairFault(name)
	switch {
	case err != nil:
		return []spec.Fault{s.absent(name, err)}
	case fault != nil:
		faults = append(faults, spec.Fault{
			Code: spec.FaultCertificateBad, Text: fmt.Sprintf("an earlier one is in use: %v", fault), Fix: s.put(name, ".crt", ".key"),
		})
	}
	return append(faults, s.inspect(name, pair.Leaf, hosts)...)
}

// absent is said where there is nothing to show.
func (s *Store) absent(name string, err error) spec.Fault {
	f := spec.Fault{
		Code: spec.FaultCertificateBad, Grave: true,
		Text: "https is refused: " + err.Error(), Fix: s.put(name, ".crt", ".key"),
	}
	if errors.As(err, &missing{}) {
		f.Code = spec.FaultCertificateMissing
	}
	return f
}

// inspect says what clients will find wrong with a certificate.
func (s *Store) inspect(name string, leaf *x509.Certificate, hosts []spec.Host) []spec.Fault {
	var faults []spec.Fault
	add := func(code spec.FaultCode, format string, args ...any) {
		faults = append(faults, spec.Fault{
			Code: code, Grave: true, Text: fmt.Sprintf("certificate %q ", name) + fmt.Sprintf(format, args...), Fix: s.put(name, ".crt", ".key"),
		})
	}
	switch now := time.Now(); {
	case now.After(leaf.NotAfter):
		add(spec.FaultCertificateExpired, "expired on %s", leaf.NotAfter.UTC().Format(time.DateTime))
	case now.Before(leaf.NotBefore):
		add(spec.FaultCertificateExpired, "is not valid before %s", leaf.NotBefore.UTC().Format(time.DateTime))
	}
	for _, host := range hosts {
		if !covers(leaf, host) {
			add(spec.FaultCertificateElsewhere, "is not for %s but for %s", host, subjects(leaf))
		}
	}
	return faults
}

// covers says whether a certificate is for a host. Of a wildcard one label in
// front is enough; a template may be anything.
func covers(leaf *x509.Certificate, host spec.Host) bool {
	switch host.Kind {
	case spec.ExactHost:
		return leaf.VerifyHostname(host.Pattern) == nil
	case spec.WildcardHost:
		return leaf.VerifyHostname("any."+host.Pattern) == nil
	}
	return true
}

// maxSubjects is how many names a sentence shows.
const maxSubjects = 5

func subjects(leaf *x509.Certificate) string {
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "no host at all"
	}
	text := strings.Join(names[:min(len(names), maxSubjects)], ", ")
	if len(names) > maxSubjects {
		text += " and others"
	}
	return strconv.QuoteToGraphic(text)
}

// put says which files to bring.
func (s *Store) put(name string, endings ...string) string {
	files := name + strings.Join(endings, " and "+name)
	if s.Files.folder == "" {
		return fmt.Sprintf("put %s into a folder and start rota with --certs FOLDER", files)
	}
	return fmt.Sprintf("put %s into %s", files, s.Files.folder)
}
