package proxy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// answerCode names why the proxy answers a request itself. Codes are what scripts
// and log searches hold on to: they are never renamed.
type answerCode string

// All the codes there are.
const (
	codeBadRequest        answerCode = "bad-request"
	codeHeadTimeout       answerCode = "head-timeout"
	codeTargetTooLong     answerCode = "target-too-long"
	codeExpectation       answerCode = "expectation-failed"
	codeHeadTooLarge      answerCode = "head-too-large"
	codeCoding            answerCode = "unknown-coding"
	codeVersion           answerCode = "unknown-version"
	codeBadHost           answerCode = "bad-host"
	codeBadTarget         answerCode = "bad-target"
	codeAmbiguousPath     answerCode = "ambiguous-path"
	codeNotFound          answerCode = "not-found"
	codeNoRoute           answerCode = "no-route"
	codeGone              answerCode = "gone"
	codeMethod            answerCode = "method-not-allowed"
	codeConnect           answerCode = "connect-refused"
	codeBadBody           answerCode = "bad-body"
	codeBodyStalled       answerCode = "body-stalled"
	codeInternal          answerCode = "internal"
	codeNoHTTPS           answerCode = "no-https"
	codeMisdirected       answerCode = "misdirected"
	codeTLSVersion        answerCode = "tls-version"
	codeClientCertificate answerCode = "client-certificate"
	codeFailed            answerCode = "upstream-failed"
	codeWrongUpgrade      answerCode = "wrong-upgrade"
	codeNotReached        answerCode = "engine-not-reached"
	codeNotReady          answerCode = "no-ready-upstream"
	codeWaited            answerCode = "waited-too-long"
	codeRoomFull          answerCode = "room-full"
	codeNoWeight          answerCode = "no-weight"
	codeClosedAccess      answerCode = "closed-access"
	codeTimeout           answerCode = "upstream-timeout"
	codeTotalTimeout      answerCode = "request-timeout"
)

// answerKind is what all answers of one code have in common.
type answerKind struct {
	status int
	text   string
	// retryAfter is when asking again may help; 0: that is not known.
	retryAfter time.Duration
}

// kind is the closed list of the proxy's own answers.
func (c answerCode) kind() answerKind {
	switch c {
	case codeBadRequest:
		return answerKind{status: 400, text: "the request is malformed"}
	case codeHeadTimeout:
		return answerKind{status: 408, text: "the head of the request did not come in time"}
	case codeTargetTooLong:
		return answerKind{status: 414, text: "the request target is too long"}
	case codeExpectation:
		return answerKind{status: 417, text: "an expectation other than 100-continue"}
	case codeHeadTooLarge:
		return answerKind{status: 431, text: "the head of the request is too large"}
	case codeCoding:
		return answerKind{status: 501, text: "an unknown transfer coding"}
	case codeVersion:
		return answerKind{status: 505, text: "a version other than HTTP/1.1 and 1.0"}
	case codeBadHost:
		return answerKind{status: 400, text: "the request names no valid host"}
	case codeBadTarget:
		return answerKind{status: 400, text: "the request target is neither a path nor an http URL"}
	case codeAmbiguousPath:
		return answerKind{status: 400, text: "the path has no single meaning"}
	case codeNotFound:
		return answerKind{status: 404, text: "no Target for this host"}
	case codeNoRoute:
		return answerKind{status: 404, text: "no Target of this host takes this request"}
	case codeGone:
		return answerKind{status: 404, text: "the last container of its Target went away"}
	case codeNoHTTPS:
		return answerKind{status: 404, text: "the Target of this host is not served over https"}
	case codeMisdirected:
		return answerKind{status: 421, text: "not over a connection that was made for another host"}
	case codeTLSVersion:
		return answerKind{status: 403, text: "the version of TLS is too low"}
	case codeClientCertificate:
		return answerKind{status: 403, text: "a client certificate is needed"}
	case codeMethod:
		return answerKind{status: 405, text: "not with this method"}
	case codeConnect:
		return answerKind{status: 405, text: "this proxy opens no tunnels"}
	case codeBadBody:
		return answerKind{status: 400, text: "the request body could not be read"}
	case codeBodyStalled:
		return answerKind{status: 408, text: "the request body stopped coming"}
	case codeFailed:
		return answerKind{status: 502, text: "the replica did not answer"}
	case codeWrongUpgrade:
		return answerKind{status: 502, text: "the replica switched to a protocol it was not asked for"}
	case codeNotReached:
		return answerKind{status: 503, text: "engine not reached yet", retryAfter: 5 * time.Second}
	case codeNotReady:
		return answerKind{status: 503, text: "no ready replica", retryAfter: 5 * time.Second}
	case codeWaited:
		return answerKind{status: 503, text: "no replica became ready in time", retryAfter: 5 * time.Second}
	case codeRoomFull:
		return answerKind{status: 503, text: "too many requests wait for a replica", retryAfter: 5 * time.Second}
	case codeNoWeight:
		return answerKind{status: 503, text: "every replica has weight 0"}
	case codeClosedAccess:
		return answerKind{status: 503, text: "closed: an access rule of this Target cannot be understood"}
	case codeTimeout:
		return answerKind{status: 504, text: "the replica did not answer in time"}
	case codeTotalTimeout:
		return answerKind{status: 504, text: "the request took longer than its Target allows"}
	}
	return answerKind{status: 500, text: "the proxy failed"}
}

// answer is one of the proxy's own answers to a request.
type answer struct {
	code answerCode
	// text, if given, takes the place of the code's own. It is for everybody:
	// no names, no addresses.
	text string
	// detail is for the operator: containers, addresses, what to type to mend it.
	// Clients get to see it with --debug-headers only.
	detail string
	// allow are the methods of a 405.
	allow []string
}

func (a answer) status() int { return a.code.kind().status }

func (a answer) line() string {
	if a.text != "" {
		return a.text
	}
	return a.code.kind().text
}

// writeAnswer gives a to the client in the form it understands: a line of text,
// problem+json (RFC 9457) if it asks for JSON, and only trailers for gRPC. The
// detail is written only with debug.
func writeAnswer(w http.ResponseWriter, r *http.Request, a answer, debug bool) {
	if !debug {
		a.detail = ""
	}
	h := w.Header()
	for _, name := range [...]string{
		"Content-Length", "Content-Encoding", "Content-Range", "Content-Disposition", "Etag", "Last-Modified", "Trailer",
	} {
		h.Del(name) // of an answer that was begun and given up
	}
	h.Set("Rota-Reason", string(a.code))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if wait := a.code.kind().retryAfter; wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int(wait/time.Second)))
	}
	if a.status() == http.StatusMethodNotAllowed {
		h.Set("Allow", strings.Join(a.allow, ", ")) // RFC 9110 section 15.5.6: always there, maybe empty
	}
	if isGRPC(r) {
		a.writeGRPC(w)
		return
	}
	a.writeHTTP(w, r)
}

func (a answer) writeHTTP(w http.ResponseWriter, r *http.Request) {
	media, body := "text/plain; charset=utf-8", a.asText()
	if prefersJSON(r.Header["Accept"]) {
		media, body = "application/problem+json", a.asProblem()
	}
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Add("Vary", "Accept")
	w.WriteHeader(a.status())
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, body) // a client that is gone needs no answer
	}
}

func (a answer) asText() string {
	text := fmt.Sprintf("%d %s (rota: %s)\n", a.status(), a.line(), a.code)
	if a.detail != "" {
		text += a.detail + "\n"
	}
	return text
}

func (a answer) asProblem() string {
	// Strings and a number cannot fail to be JSON.
	body, _ := json.Marshal(struct {
		Title  string     `json:"title"`
		Status int        `json:"status"`
		Detail string     `json:"detail"`
		Code   answerCode `json:"code"`
		Debug  string     `json:"debug,omitempty"`
	}{http.StatusText(a.status()), a.status(), a.line(), a.code, a.detail})
	return string(body) + "\n"
}

// isGRPC: the client reads grpc-status, and a status other than 200 would only
// puzzle it. gRPC-Web reads it from the head as well.
func isGRPC(r *http.Request) bool {
	return r.Method == http.MethodPost && hasPrefixFold(r.Header.Get("Content-Type"), grpcType)
}

// grpcType begins the media types of gRPC and gRPC-Web.
const grpcType = "application/grpc"

// writeGRPC is a Trailers-Only answer: all in the head, nothing after it.
func (a answer) writeGRPC(w http.ResponseWriter) {
	message := a.line() + " (rota: " + string(a.code) + ")"
	if a.detail != "" {
		message += ": " + a.detail
	}
	h := w.Header()
	h.Set("Content-Type", "application/grpc")
	h.Set("Grpc-Status", strconv.Itoa(grpcStatus(a.status())))
	h.Set("Grpc-Message", url.PathEscape(message))
	w.WriteHeader(http.StatusOK)
}

// grpcStatus is the code that gRPC's own table gives for an HTTP status.
func grpcStatus(status int) int {
	const (
		unknown          = 2
		permissionDenied = 7
		unimplemented    = 12
		internal         = 13
		unavailable      = 14
		unauthenticated  = 16
	)
	switch status {
	case http.StatusBadRequest:
		return internal
	case http.StatusUnauthorized:
		return unauthenticated
	case http.StatusForbidden:
		return permissionDenied
	case http.StatusNotFound:
		return unimplemented
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return unavailable
	}
	return unknown
}

// prefersJSON: the client names a JSON type and likes it no less than text.
// Browsers and command line tools do not name one.
func prefersJSON(accept []string) bool {
	var asJSON, asText float64
	for _, line := range accept {
		for item := range strings.SplitSeq(line, ",") {
			media, params, _ := strings.Cut(item, ";")
			switch media = strings.ToLower(strings.TrimSpace(media)); {
			case media == "application/json", strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json"):
				asJSON = max(asJSON, quality(params))
			case strings.HasPrefix(media, "text/"):
				asText = max(asText, quality(params))
			}
		}
	}
	return asJSON > 0 && asJSON >= asText
}

// quality reads the weight of RFC 9110 section 12.4.2; 0 if it makes no sense.
func quality(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if strings.EqualFold(name, "q") {
			q, err := strconv.ParseFloat(value, 64)
			if err != nil || q < 0 || q > 1 {
				return 0
			}
			return q
		}
	}
	return 1
}
