package proxy

import "net/http"

// refuseUnread answers what could not be read as a request.
func refuseUnread(w http.ResponseWriter, status int, reason string) {
	nothing := &http.Request{Method: http.MethodGet, Header: http.Header{}}
	writeAnswer(w, nothing, answer{code: unreadCode(status), text: reason}, false)
}

// unreadCode is the code for a status of the engine's.
func unreadCode(status int) answerCode {
	for _, code := range [...]answerCode{codeHeadTimeout, codeTargetTooLong, codeExpectation, codeHeadTooLarge, codeCoding, codeVersion} {
		if code.kind().status == status {
			return code
		}
	}
	return codeBadRequest
}
