package h1

// Kind says what a field is to framing and proxying. Names are recognised in
// any case.
type Kind uint8

// The fields that are something else than KindOther.
const (
	KindOther Kind = iota
	KindHost
	KindContentLength
	KindExpect
	KindDate
	KindContentType
	// Hop-by-hop fields (RFC 9110 section 7.6.1, and what was so before the RFC
	// knew).
	KindConnection
	KindKeepAlive
	KindProxyConnection
	KindTE
	KindTrailer
	KindTransferEncoding
	KindUpgrade
	KindHTTP2Settings
	KindProxyAuthenticate
	KindProxyAuthorization
	// KindDisguised is the name of a hop-by-hop field or of Content-Length with
	// an underscore for a hyphen. It has no meaning here, but may have one for
	// whoever is behind: it is never sent on.
	KindDisguised
)

// hopByHop: the field is about one connection.
func (k Kind) hopByHop() bool { return k >= KindConnection }

// framing: what says where a message ends and whom it is for.
func (k Kind) framing() bool { return k == KindHost || k == KindContentLength }

// reserved: the one who writes the message writes the field, nobody else.
func (k Kind) reserved() bool { return k.framing() || k.hopByHop() }

// known is sorted by the length of the names, see knownFrom.
var known = [...]struct {
	name string
	kind Kind
}{
	{"te", KindTE},
	{"host", KindHost},
	{"date", KindDate},
	{"expect", KindExpect},
	{"trailer", KindTrailer},
	{"upgrade", KindUpgrade},
	{"connection", KindConnection},
	{"keep-alive", KindKeepAlive},
	{"content-type", KindContentType},
	{"content-length", KindContentLength},
	{"http2-settings", KindHTTP2Settings},
	{"proxy-connection", KindProxyConnection},
	{"transfer-encoding", KindTransferEncoding},
	{"proxy-authenticate", KindProxyAuthenticate},
	{"proxy-authorization", KindProxyAuthorization},
}

const longestKnown = len("proxy-authorization")

// knownFrom[n] is where the names of n bytes begin in known; they end at
// knownFrom[n+1].
var knownFrom = func() (from [longestKnown + 2]uint8) {
	for n := range from {
		for int(from[n]) < len(known) && len(known[from[n]].name) < n {
			from[n]++
		}
	}
	return from
}()

// kindOf recognises the name of a field.
func kindOf[T text](name T) Kind {
	if len(name) > longestKnown {
		return KindOther
	}
	for i := knownFrom[len(name)]; i < knownFrom[len(name)+1]; i++ {
		if k := &known[i]; sameFolded(name, k.name) {
			return undisguised(k.kind, name)
		}
	}
	return KindOther
}

// sameFolded compares a name with one that is in lower case and has hyphens.
func sameFolded[T text](name T, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i := range len(name) {
		if folded[name[i]] != lower[i] {
			return false
		}
	}
	return true
}

// undisguised is the kind of a name that folds to that of kind.
func undisguised[T text](kind Kind, name T) Kind {
	for i := range len(name) {
		if name[i] == '_' {
			if kind.reserved() {
				return KindDisguised
			}
			return KindOther
		}
	}
	return kind
}

// mayBeNamed: Connection may take the field of this name away. It may not take
// what the proxy answers for: length, host and where the request comes from
// (CVE-2024-45410 and kin). In any case and spelling.
func mayBeNamed(name []byte) bool {
	if kindOf(name).framing() || sameFolded(name, "content-length") {
		return false
	}
	return !sameFolded(name, "forwarded") && !sameFolded(name, "x-real-ip") &&
		(len(name) < len("x-forwarded") || !sameFolded(name[:len("x-forwarded")], "x-forwarded"))
}
