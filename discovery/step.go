package discovery

import "slices"

// Step is one link of the chain that leads from a container to its requests. If
// one does not hold, those behind it do not matter yet.
type Step string

// The steps, in the order of the chain.
const (
	StepSeen     Step = "seen"     // the engine has it and describes it
	StepLabels   Step = "labels"   // its labels ask for requests and can be understood
	StepNetwork  Step = "network"  // a network leads to it
	StepPort     Step = "port"     // there is a port to connect to
	StepState    Step = "state"    // it runs, and its HEALTHCHECK agrees
	StepRoute    Step = "route"    // requests can be matched to its Target
	StepRotation Step = "rotation" // the proxy sends it some of them
)

// Steps are all of them in order.
func Steps() []Step {
	return []Step{StepSeen, StepLabels, StepNetwork, StepPort, StepState, StepRoute, StepRotation}
}

// Codes are the findings that belong to a step, those that break the chain
// first; of all steps together they are all there are.
func (s Step) Codes() []Code {
	switch s {
	case StepSeen:
		return []Code{CodeUnread, CodeOwn, CodeOneOff}
	case StepLabels:
		return []Code{
			CodeNotExposed, CodeHidden, CodeBadOption, CodeBadHost, CodeNoDefinition,
			CodeKeptLastGood, CodeOddOption, CodeUnguarded, CodeForeign,
		}
	case StepNetwork:
		return []Code{CodeNoNetwork, CodeNotOnNetwork, CodeNetworkNone, CodeNoAddress, CodeOwnerGone, CodeOwnerRestarted}
	case StepPort:
		return []Code{CodePortNeeded, CodeOwnPort, CodePortUnpublished, CodePublished, CodePortChosen, CodePortAssumed}
	case StepState:
		return []Code{CodeNotRunning, CodePaused, CodeSignalled, CodeChecking, CodeUnhealthy}
	case StepRoute:
		return []Code{
			CodeNoEntry, CodeClosed, CodeMatchTaken, CodeMatchClaimed, CodeNoHTTPS, CodeCertificateMissing,
			CodeCertificateUnreadable, CodeCertificateExpired, CodeCertificateMismatch, CodeAuthority, CodeClientCA,
		}
	case StepRotation:
		return []Code{CodeStarting, CodeEjected, CodeResting, CodeDraining, CodeGone, CodeNoWeight}
	}
	return nil
}

// Step is where a finding stands in the chain; empty for a code that is not on
// the list.
func (c Code) Step() Step {
	for _, step := range Steps() {
		if slices.Contains(step.Codes(), c) {
			return step
		}
	}
	return ""
}
