package proxy

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"time"

	"github.com/rota-proxy/rota/proxy/spec"
)

const (
	// maxIdle is how many unused connections to one Upstream are kept.
	maxIdle = 1024
	// maxResponseHead bounds the head of an answer.
	maxResponseHead = 256 << 10
	// handshakeLimit bounds TLS with an Upstream that accepts and says nothing.
	handshakeLimit = 10 * time.Second
	// continueWait is how long a body is kept back for the Upstream's 100.
	continueWait = time.Second
)

// newTransport makes the connection pool of one Upstream. Redirects, cookies,
// environment proxies and compression are none of a proxy's business.
func newTransport(u spec.Upstream, d *dialer, idle time.Duration, certificate func(string) (*tls.Certificate, error)) (*http.Transport, error) {
	t := &http.Transport{
		DialContext:            d.forTransport,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idle,
		MaxResponseHeaderBytes: maxResponseHead,
		ExpectContinueTimeout:  continueWait,
		TLSHandshakeTimeout:    handshakeLimit,
		Protocols:              new(http.Protocols),
	}
	switch u.Scheme {
	case spec.H2C:
		t.Protocols.SetUnencryptedHTTP2(true)
	case spec.HTTPS:
		t.Protocols.SetHTTP1(true)
		t.Protocols.SetHTTP2(true)
		var err error
		if t.TLSClientConfig, err = tlsConfig(u.TLS, certificate); err != nil {
			return nil, err
		}
	default:
		t.Protocols.SetHTTP1(true)
	}
	return t, nil
}

func tlsConfig(o spec.TLS, certificate func(string) (*tls.Certificate, error)) (*tls.Config, error) {
	config := &tls.Config{ServerName: o.Name, InsecureSkipVerify: o.SkipVerify, MinVersion: tls.VersionTLS12}
	if o.Certificate == "" {
		return config, nil
	}
	if certificate == nil {
		return nil, fmt.Errorf("client certificate %q: no certificates were given (--certs)", o.Certificate)
	}
	if _, err := certificate(o.Certificate); err != nil {
		return nil, fmt.Errorf("client certificate %q: %w", o.Certificate, err)
	}
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return certificate(o.Certificate)
	}
	return config, nil
}
