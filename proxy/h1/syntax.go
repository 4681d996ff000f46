package h1

// SyntaxError says why a message is refused. Nothing after it on the connection
// can be trusted: answer, if it was a request, and close.
type SyntaxError struct {
	// Status is what a server answers: 400, 414 (the request line alone is too
	// long), 431 (the head is), 501 (a transfer coding nobody knows) or 505. For
	// a response it says nothing: whoever asked gets a 502.
	Status int
	// Reason is one line and repeats nothing of what was received.
	Reason string
}

func (e *SyntaxError) Error() string { return e.Reason }

// They are made beforehand, because whoever sends nonsense sends much of it.
var (
	errMethod      = &SyntaxError{400, "the method is no token"}
	errTarget      = &SyntaxError{400, "the request target has an invalid form"}
	errTargetByte  = &SyntaxError{400, "the request target has a byte that no target has"}
	errStartLine   = &SyntaxError{400, "the first line is not that of an HTTP/1 message"}
	errVersion     = &SyntaxError{505, "the version is neither HTTP/1.0 nor HTTP/1.1"}
	errStatus      = &SyntaxError{400, "the status is not a number of three digits from 100 on"}
	errLineEnd     = &SyntaxError{400, "a line does not end with CR LF"}
	errControl     = &SyntaxError{400, "a control byte is where text belongs"}
	errFolded      = &SyntaxError{400, "a field line begins with a space"}
	errName        = &SyntaxError{400, "the name of a field is no token"}
	errSpaceColon  = &SyntaxError{400, "a space stands before the colon of a field"}
	errNoHost      = &SyntaxError{400, "the Host field is missing"}
	errHosts       = &SyntaxError{400, "there are two Host fields"}
	errHost        = &SyntaxError{400, "the Host field holds no host"}
	errLength      = &SyntaxError{400, "the Content-Length is no number of 1 to 18 digits"}
	errLengths     = &SyntaxError{400, "there are two Content-Length fields"}
	errLengthAndTE = &SyntaxError{400, "there are Content-Length and Transfer-Encoding"}
	errOldTE       = &SyntaxError{400, "HTTP/1.0 has no Transfer-Encoding"}
	errTE          = &SyntaxError{400, "the Transfer-Encoding is not a single chunked"}
	errUnknownTE   = &SyntaxError{501, "the Transfer-Encoding has a coding other than chunked"}
	errTrailerName = &SyntaxError{400, "a framing field is announced as a trailer"}
	errOptions     = &SyntaxError{431, "the Connection fields have too many options"}
	errTooMany     = &SyntaxError{431, "there are too many fields"}
	errTooLong     = &SyntaxError{431, "the head is too long"}
	errLineTooLong = &SyntaxError{414, "the request line is too long"}

	errChunkSize   = &SyntaxError{400, "a chunk size is not a number of 1 to 15 hexadecimal digits"}
	errChunkLine   = &SyntaxError{400, "the line of a chunk is too long"}
	errChunkEnd    = &SyntaxError{400, "a chunk does not end where it should"}
	errExtensions  = &SyntaxError{400, "the chunk extensions are too long"}
	errTrailerLong = &SyntaxError{400, "the trailer section is too long"}
)
