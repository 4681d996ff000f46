package discovery

// Code names a finding so that it can be looked up, searched for and counted.
// The list is closed: docs/verdicts.md says of each what it means and what to do,
// and Step.Codes where it stands in the chain.
type Code string

// The findings of a Verdict. The last ones are found by the proxy: the states of
// an Upstream other than ready are codes as well, and every spec.FaultCode.
const (
	CodeNotExposed Code = "not-exposed" // no label of ours, and only labelled containers are exposed
	CodeHidden     Code = "hidden"      // `enable` says so
	CodeOneOff     Code = "one-off"     // a `compose run` container: not a replica of its service
	CodeOwn        Code = "own-container"
	CodeUnread     Code = "unread" // the engine listed it and would not describe it

	CodeNotRunning Code = "not-running"
	CodePaused     Code = "paused"
	CodeSignalled  Code = "signalled" // told to stop: no new requests
	CodeChecking   Code = "checking"  // its HEALTHCHECK has no result yet
	CodeUnhealthy  Code = "unhealthy" // its HEALTHCHECK failed

	CodeBadOption    Code = "bad-option"      // a label that does not exist or cannot be understood
	CodeOddOption    Code = "odd-option"      // a label that is accepted and surely not meant so
	CodeBadHost      Code = "bad-host"        // no host given and none could be derived
	CodeKeptLastGood Code = "kept-last-good"  // serves under the definition it had before
	CodeNoDefinition Code = "no-definition"   // nobody's labels define the Target rightly
	CodeClosed       Code = "closed"          // an access rule was not understood: 503
	CodeUnguarded    Code = "unguarded"       // a sibling Target guards access, this one does not
	CodeNoEntry      Code = "no-such-entry"   // `entry` names a listener that does not exist
	CodeForeign      Code = "foreign-project" // joined by name: adds an Upstream, defines nothing

	CodeNoNetwork       Code = "no-shared-network" // no network leads from the proxy to it
	CodeNotOnNetwork    Code = "not-on-network"    // the label `network` names one it, or the proxy, is not on
	CodeNetworkNone     Code = "network-none"      // network_mode: none
	CodeNoAddress       Code = "no-address"        // attached, and the engine gave no address
	CodeOwnerGone       Code = "owner-gone"        // network_mode: container:X, and X is not running
	CodeOwnerRestarted  Code = "owner-restarted"   // network_mode: container:X, and X was started later
	CodePortNeeded      Code = "port-needed"       // on the host's network the port must be said
	CodeOwnPort         Code = "own-port"          // it would be one of the proxy's own listeners
	CodePortUnpublished Code = "port-unpublished"  // only a published port could reach it, and it is not
	CodePublished       Code = "via-published"     // reached by a published port
	CodePortChosen      Code = "port-chosen"       // several ports are exposed, none was named
	CodePortAssumed     Code = "port-assumed"      // no port is exposed, 80 is tried

	CodeMatchTaken   Code = "match-taken"   // another Target holds what this one asks for
	CodeMatchClaimed Code = "match-claimed" // another Target asks for what this one holds
	CodeNoHTTPS      Code = "no-https"      // no https listener takes its requests

	CodeCertificateMissing    Code = "certificate-missing"    // there is none of the name that `tls` gives
	CodeCertificateUnreadable Code = "certificate-unreadable" // its files cannot be used
	CodeCertificateExpired    Code = "certificate-expired"    // or is not valid yet
	CodeCertificateMismatch   Code = "certificate-mismatch"   // it is for other hosts
	CodeAuthority             Code = "authority-unusable"     // the internal one's root cannot be read or made
	CodeClientCA              Code = "client-ca-unreadable"   // the file of `tls.client-ca` cannot be used

	CodeStarting Code = "starting"  // does not accept connections yet
	CodeEjected  Code = "ejected"   // was ready and failed
	CodeResting  Code = "resting"   // kept out by the engine, or by a fault of its settings
	CodeDraining Code = "draining"  // told to stop, running requests finish
	CodeGone     Code = "gone"      // went away, its last requests finish
	CodeNoWeight Code = "no-weight" // ready, and its share is 0
)
