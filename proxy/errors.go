package proxy

import (
	"errors"
	"os"
)

// answerFor turns the error that ended a request into the proxy's answer. It is
// the one place that does.
func answerFor(err error) answer {
	var body *bodyError
	switch {
	case errors.As(err, &body) && errors.Is(err, os.ErrDeadlineExceeded):
		return answer{code: codeBodyStalled}
	case errors.As(err, &body):
		return answer{code: codeBadBody}
	case errors.Is(err, errResponseTimeout):
		return answer{code: codeTimeout, detail: err.Error()}
	case errors.Is(err, errTotalTimeout):
		return answer{code: codeTotalTimeout, detail: err.Error()}
	case errors.Is(err, errWeightless):
		return answer{code: codeNoWeight}
	case errors.Is(err, errRoomClosed), errors.Is(err, errVanished):
		return answer{code: codeNotReady}
	case errors.Is(err, errHeldOut):
		return answer{code: codeWaited}
	case errors.Is(err, errRoomFull):
		return answer{code: codeRoomFull}
	case errors.Is(err, errWrongProtocol):
		return answer{code: codeWrongUpgrade, detail: err.Error()}
	}
	return answer{code: codeFailed, detail: err.Error()}
}
