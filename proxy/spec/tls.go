package spec

import (
	"strings"
	"unicode"
)

// ServerTLS is how a Target is served over https. The zero value: it is not.
type ServerTLS struct {
	// Certificate is CertAuto, CertInternal or the name of one of the operator's
	// own. Empty: the Target is not served over https.
	Certificate string
	// Min is the lowest version, as crypto/tls numbers them; 0 means TLS12.
	Min uint16
	// ClientCA names the certificates of the operator's, one of which must have
	// signed what a client shows. Empty: clients need to show nothing.
	ClientCA string
	// HSTS is the value of Strict-Transport-Security in every answer over https
	// (RFC 6797). Empty: the Target's own answers decide.
	HSTS string
	// Plain serves http as well. Otherwise it is redirected to https.
	Plain bool
}

// The words Certificate knows besides a name.
const (
	CertAuto     = "auto"     // from a public authority where there is an account, else CertInternal
	CertInternal = "internal" // from the proxy's own authority
)

// On says whether the Target is served over https.
func (s ServerTLS) On() bool { return s.Certificate != "" }

// The versions that Min may be.
const (
	TLS12 uint16 = 0x0303
	TLS13 uint16 = 0x0304
)

func (s ServerTLS) validate() error {
	var errs fieldErrors
	errs.check(s.Min == 0 || s.Min == TLS12 || s.Min == TLS13, "Min", "%#04x is neither TLS 1.2 nor 1.3", s.Min)
	errs.check(s.ClientCA == "" || s.On(), "ClientCA", "%q guards nothing, because Certificate is empty", s.ClientCA)
	errs.check(!strings.ContainsFunc(s.HSTS, unicode.IsControl), "HSTS", "%q is no value of a field", s.HSTS)
	return errs.join()
}

// Fault is something wrong with what the proxy itself has to have for a Target,
// such as its certificate.
type Fault struct {
	Code FaultCode
	// Grave: requests over https fail because of it.
	Grave bool
	// Closes: every request is answered with 503 because of it.
	Closes bool
	Text   string // one sentence naming what and where
	Fix    string // what to type to mend it; empty when there is nothing to do
}

// FaultCode names a Fault so that it can be looked up. The list is closed.
type FaultCode string

// The Faults there are.
const (
	FaultNoHTTPS              FaultCode = "no-https"               // no https listener takes its requests
	FaultCertificateMissing   FaultCode = "certificate-missing"    // there is none of that name
	FaultCertificateBad       FaultCode = "certificate-unreadable" // what there is cannot be used
	FaultCertificateExpired   FaultCode = "certificate-expired"    // or not valid yet
	FaultCertificateElsewhere FaultCode = "certificate-mismatch"   // it is for other hosts
	FaultAuthority            FaultCode = "authority-unusable"     // the internal one's root cannot be read or made
	FaultClientCA             FaultCode = "client-ca-unreadable"   // who may come in is not known: nobody
)
