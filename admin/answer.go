package admin

import (
	"encoding/json"
	stdlog "log"
	"net/http"
	"strconv"

	"github.com/rs/zerolog"
)

// Failure is the body of every answer that is not what was asked for.
type Failure struct {
	Error string `json:"error"`
}

// answer writes a value as JSON. The encoder escapes what HTML or a terminal
// could take for more than text, and repairs what is not UTF-8.
func (s *Server) answer(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		s.options.Log.Error().Err(err).Msg("encoding an admin answer failed")
		http.Error(w, `{"error":"encoding the answer failed"}`, http.StatusInternalServerError)
		return
	}
	body = append(body, '\n')
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// net/http drops the body of an answer to HEAD by itself; a failed write
	// means that nobody is there to be told.
	_, _ = w.Write(body)
}

func (s *Server) refuse(w http.ResponseWriter, status int, why string) {
	s.answer(w, status, Failure{Error: why})
}

// quietLog keeps net/http's remarks on single connections at debug level.
func quietLog(log zerolog.Logger) *stdlog.Logger {
	return stdlog.New(debugWriter{log}, "", 0)
}

type debugWriter struct{ log zerolog.Logger }

func (d debugWriter) Write(line []byte) (int, error) {
	d.log.Debug().Bytes("remark", line).Msg("admin connection")
	return len(line), nil
}
